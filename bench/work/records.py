# SPDX-License-Identifier: MIT
# Lists, tuples and strings, half of which are freed at once: 4 million blocks of malloc.
records = []
for i in range(600_000):
    key = "key-%d" % i
    records.append([key, (i, key)])
    if i % 4 == 3:
        records[i // 2] = None
index = {record[0]: record for record in records if record is not None}
print(len(index), sum(record[1][0] for record in index.values()))
