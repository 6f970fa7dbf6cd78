;; SPDX-License-Identifier: MIT  -*- lexical-binding: t -*-
;; Lists, strings, hash tables, and a buffer that is searched and changed.
(let ((index (make-hash-table :test 'equal))
      (sum 0))
  (dotimes (i 100000)
    (let ((key (format "key-%d" (% (* i 7919) 20011))))
      (puthash key (list i (upcase key) (split-string key "-")) index)))
  (maphash (lambda (_key value) (setq sum (+ sum (car value)))) index)
  (with-temp-buffer
    (dotimes (i 60000)
      (insert (format "line %d of the buffer, %s\n" i (make-string (% i 40) ?x))))
    (goto-char (point-min))
    (while (re-search-forward "line \\([0-9]+\\)7 of" nil t)
      (replace-match (concat "row " (match-string 1))))
    (sort-lines nil (point-min) (point-max))
    (princ (format "%d %d %d %s\n" (hash-table-count index) sum (buffer-size)
                   (md5 (current-buffer))))))
