# SPDX-License-Identifier: MIT
# Lists, strings, data frames and vectors; R's large vectors are blocks of malloc's.
set.seed(1)
n <- 120000
keys <- paste0("key-", (seq_len(n) * 7919) %% 10007)
records <- lapply(seq_len(n), function(i) list(id = i, key = keys[i], values = c(i, i + 0.5)))
sums <- vapply(split(vapply(records, function(r) sum(r$values), 0), keys), sum, 0)
frame <- data.frame(key = keys, value = seq_len(n) %% 977)
means <- aggregate(value ~ key, frame[1:20000, ], mean)
total <- 0
for (i in 1:3000) {
    x <- (1:2000) %% (i + 1)
    m <- matrix(x[1:1600], 40)
    total <- total + sum(m %*% t(m)) + length(unique(sort(x)))
}
fit <- lm(value ~ poly(x, 3), data.frame(value = frame$value, x = seq_len(n)))
cat(length(sums), sum(sums), nrow(means), total, round(coef(fit), 6), "\n")
