module supervisor

go 1.26.0
