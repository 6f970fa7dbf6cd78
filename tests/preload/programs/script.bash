# SPDX-License-Identifier: MIT
# For bash: functions, arrays, subshells, pipes, here-documents, expansions, traps, coprocesses.
fibonacci() {
    local n=$1
    if ((n < 2)); then echo "$n"; else echo $(($(fibonacci $((n - 1))) + $(fibonacci $((n - 2))))); fi
}
echo "fibonacci $(fibonacci 6)"

declare -A ages
declare -a names
for i in {1..3000}; do
    names+=("name$i")
    ages[name$i]=$((i * 7919 % 101))
done
sum=0
for name in "${names[@]}"; do ((sum += ages[$name])); done
echo "sum $sum of ${#ages[@]}"
printf '%s\n' "${names[@]:10:5}" "${names[@]/name/NAME}" | sort | tail -3

text=$(printf 'line %d\n' {1..500})
while read -r word number; do
    [[ $number =~ ^([0-9])\1$ ]] && echo "twice $number"
done <<<"$text"

cat <<END | tr a-z A-Z | (read -r first; echo "first: $first"; cat | wc -l)
a here-document with $sum and $(echo nested "$(echo deeper)")
second
third
END

trap 'echo trapped' USR1
kill -USR1 $$
(exit 3); echo "status $?"
long=$(printf 'x%.0s' {1..20000})
echo "${#long} ${long//x/yy}" | md5sum
for i in {1..10}; do (echo "subshell $i" | sed s/sub/SUB/) & wait; done
mapfile -t lines < <(seq 1 4000)
echo "${#lines[@]} ${lines[3999]}"
