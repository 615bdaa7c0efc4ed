## The minimal mail setup as printed: mailboxes are directories, a suffix is a subdirectory.
[config]
@SEED_SETUP@

[addresses]
me@box.test
ME@BOX.TEST
me/shop@box.test
me/nosuch@box.test
me/@box.test
blog@box.test
blog/shop@box.test
nobody@box.test
anne@second.test
anne@third.test
unqualified
me
..@box.test
.@box.test
"../x"@box.test
x@far.test
x@aonly.test
x@alias.test
x@nullmx.test
x@nothing.test
x@nosuch.example
x@badmx.test
x@[192.0.2.5]
