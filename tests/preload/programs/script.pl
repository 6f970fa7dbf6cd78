# SPDX-License-Identifier: MIT
# For perl: hashes, sorting, regular expressions, closures, strings that grow, eval and fork.
use strict;
use warnings;

my %count;
my $state = 12345;
my @words;
for my $i (1 .. 60000) {
    $state = ($state * 1103515245 + 12345) % 2147483648;
    my $word = join '', map { chr(97 + ($state >> $_) % 26) } (3, 7, 11, 16);
    $count{$word}++;
    push @words, $word if $i % 3 == 0;
}
my @sorted = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print scalar(@sorted), " words, first @sorted[0 .. 4]\n";
my $text = join ' ', @words;
my $matches = () = $text =~ /\b([a-m])\w*\1\b/g;
(my $changed = $text) =~ s/(\w)(\w)/$2$1/g;
print "$matches matches, ", length($changed), " ", unpack('%32C*', $changed), "\n";
my @makers = map { my $n = $_; sub { $n * shift } } 1 .. 1000;
my $sum = 0;
$sum += $makers[$_]->($_) for 0 .. 999;
my %tree;
$tree{substr $_, 0, 1}{substr $_, 1, 1}{$_} = length for @words;
print "$sum ", join(',', map { $_ . scalar keys %{$tree{$_}} } sort keys %tree), "\n";
my $grown = '';
$grown .= $_ x 3 for 1 .. 30000;
print length $grown, "\n";
my $result = eval { die {code => 7} };
print "died with $@->{code}\n";
my @lines = sort { $a <=> $b } map { ($_ * 7919) % 100003 } 1 .. 50000;
print "@lines[0 .. 3] $lines[-1]\n";
$| = 1;
if (my $child = fork) { waitpid $child, 0; print "child ended with ", $? >> 8, "\n" } else { exit 5 }
