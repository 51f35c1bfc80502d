module my_normalizer

go 1.24
