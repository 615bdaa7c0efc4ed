#!/usr/bin/env python3
"""smtp_accept_queue_per_connection: later messages of one connection wait for a queue run, and are delivered by it."""
import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
SERVER = h.Remex(fill(D, PORT, extra='smtp_accept_queue_per_connection = 2', boxes=('u@box.test',)), [PORT])
# the template sets a large value; the last one would be an error, so it is taken out
TEXT = open(SERVER.conf).read().replace('smtp_accept_queue_per_connection = 100000\n', '')
open(SERVER.conf, 'w').write(TEXT)
SERVER.start()


def test_the_third_waits():
    c = h.Smtp(PORT)
    c.ehlo()
    for i in range(4):
        code, text = c.message('s@c.test', ['u@box.test'], 'Subject: %d\n\nx\n' % i)
        h.equal(code, 250, text)
    c.close()
    h.wait_for(lambda: len(h.maildir(D('mail', 'box.test', 'u'))) == 2, what='the first two')
    with open(D('log', 'mainlog')) as f:
        log = f.read()
    h.equal(log.count('no immediate delivery: more than 2 messages received in one connection'), 2, log[-600:])
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '2', what='two left in the queue')
    SERVER.run('-q', check_rc=0)
    h.wait_for(lambda: len(h.maildir(D('mail', 'box.test', 'u'))) == 4, what='the rest after a queue run')


def teardown():
    SERVER.stop()
    D.remove()


h.main()
