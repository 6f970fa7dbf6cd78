# SPDX-License-Identifier: MIT
# Hashes of arrays of strings, split, joined and sorted.
use strict;
use warnings;
my %lines;
for my $i (0 .. 999_999) {
    my $word = "w" . ($i * 7919 % 20011);
    push @{ $lines{$word} }, join("-", $i, lc "LINE $i", length $word);
    delete $lines{"w" . ($i % 20011)} if $i % 5 == 0;
}
my @long = sort { @{ $lines{$b} } <=> @{ $lines{$a} } || $a cmp $b } keys %lines;
my $sum = 0;
for my $word (@long) {
    $sum += (split /-/, $_)[0] for @{ $lines{$word} };
}
my @trees = map { { left => { key => $_ }, right => [ $_, "$_" ] } } 1 .. 400_000;
$sum += $_->{left}{key} + $_->{right}[1] for @trees;
print scalar(@long), " $long[0] $long[-1] $sum\n";
