# SPDX-License-Identifier: MIT
# Arrays, hashes and strings; a quarter of the records is dropped while they are made.
records = []
600_000.times do |i|
  key = "key-#{i} of the records"
  records << [key, { id: i, name: key.upcase, parts: key.split("-") }]
  records[i / 2] = nil if i % 4 == 3
end
index = records.compact.to_h
puts index.size, index.values.sum { |value| value[:id] }
puts index.keys.sort.first(3), index.keys.map(&:length).tally.sort.inspect
