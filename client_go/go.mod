module client_go

go 1.19
