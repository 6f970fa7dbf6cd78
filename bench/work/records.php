<?php
// SPDX-License-Identifier: MIT
// Arrays and strings. With USE_ZEND_ALLOC=0 each is a block of malloc's.
$records = [];
for ($i = 0; $i < 600000; $i++) {
    $key = 'key-' . ($i * 7919 % 100003);
    $records[$key] = ['id' => $i, 'name' => strtoupper($key), 'parts' => explode('-', $key)];
    if ($i % 3 == 0) {
        unset($records['key-' . ($i % 100003)]);
    }
}
ksort($records);
$text = json_encode(array_values($records));
$sum = 0;
foreach (json_decode($text) as $record) {
    $sum += $record->id + strlen($record->parts[1]);
}
echo count($records), ' ', strlen($text), ' ', md5($text), " $sum\n";
