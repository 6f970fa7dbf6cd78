% SPDX-License-Identifier: MIT
% Cells, structs, strings and a tree, one value at a time, then small matrices.
1;
function node = insert(node, key)
  if isempty(node)
    node = struct("key", key, "left", [], "right", []);
  elseif key < node.key
    node.left = insert(node.left, key);
  else
    node.right = insert(node.right, key);
  end
end

names = cell(1, 20000);
for i = 1:20000
  names{i} = sprintf("name %d", mod(i * 7919, 20011));
end
[sorted, order] = sort(names);
counts = struct();
for i = 1:5000
  field = ["f" num2str(mod(i, 97))];
  if isfield(counts, field)
    counts.(field) += 1;
  else
    counts.(field) = 1;
  end
end
tree = [];
for i = 1:600
  tree = insert(tree, mod(i * 7919, 1009));
end
words = strsplit(strjoin(sorted(1:3000), ","), ",");
total = 0;
for i = 1:200
  a = reshape(mod(1:10000, i + 3), 100, 100);
  b = a' + a;
  total += sum(b(:)) + numel(regexprep(words{i}, "n", "mm"));
end
printf("%s %s %d %d %d %d\n", sorted{1}, sorted{end}, order(1), numfields(counts), tree.key, total);
