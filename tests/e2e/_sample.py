"""sample-configs/minimal-mail on free ports: what its tests share. Everything is set from outside with -D.

Needs a network namespace of its own: the stranger's MX listens on 192.0.2.25, port 25 (the sample rightly sends nothing to loopback).
"""
import os
import subprocess

import harness as h

USER, MX_ADDRESS = 'mail', '192.0.2.25'
SAMPLE = os.path.join(h.SOURCE, 'sample-configs/minimal-mail')
DOMAIN = 'example.org'
STRANGERS = 'stranger.example'


def enter():
    h.enter_namespace()
    subprocess.run(['ip', 'address', 'add', MX_ADDRESS + '/32', 'dev', 'lo'], check=True)


class Setup:
    """Server and laptop; keys me (RSA), blog (Ed25519) and eve (RSA, a user who is not the sender)."""

    def __init__(self, zone=None, submit_port=None):
        self.d = h.Dir()
        self.mx, self.submit = h.free_port(), h.free_port()
        for folder in ('mail/example.org/me/shop', 'mail/example.org/blog', 'mail/example.org/eve', 'server', 'laptop', 'keys'):
            os.makedirs(self.d(folder))
        self.keys, self.records = {}, {}
        for user, kind in (('me', 'rsa'), ('blog', 'ed25519'), ('eve', 'rsa')):
            self.keys[user] = self.d('keys', '%s@%s-dkim.pem' % (user, DOMAIN))
            self.records['%s._domainkey.%s' % (user, DOMAIN)] = h.dkim_key(self.keys[user], kind)
        self.keys['stranger'] = self.d('stranger.pem')
        self.records['s1._domainkey.' + STRANGERS] = h.dkim_key(self.keys['stranger'])
        self.keys['me at stranger'] = self.keys['stranger']
        self.records['me._domainkey.' + STRANGERS] = self.records['s1._domainkey.' + STRANGERS]
        self.zone = {
            DOMAIN: [{'MX': [10, 'mail.' + DOMAIN]}], 'mail.' + DOMAIN: [{'A': '127.0.0.1'}],
            STRANGERS: [{'MX': [10, 'mx.' + STRANGERS]}], 'mx.' + STRANGERS: [{'A': MX_ADDRESS}],
        }
        self.zone.update({name: [{'TXT': text}] for name, text in self.records.items()})
        self.zone.update(zone or {})
        for folder in ('mail', 'server'):
            self.own(folder)
        self.dns = h.Dns(self.zone)
        both = {'DNS_SERVERS': '<; 127.0.0.1:%d' % self.dns.port}
        server = {
            'MAIL_DIR': self.d('mail'), 'STATE_DIR': self.d('server'), 'LOG_FILES': self.d('server', '%slog'),
            'MAIL_USER': USER, 'MAIL_GROUP': USER,
            'MX_PORT': self.mx, 'SUBMIT_PORT': self.submit, 'LISTEN_ON': '<; [127.0.0.1]:%d ; [127.0.0.1]:%d' % (self.mx, self.submit),
        }
        laptop = {
            'KEY_DIR': self.d('keys'), 'STATE_DIR': self.d('laptop'), 'LOG_FILES': self.d('laptop', '%slog'),
            'SUBMIT_PORT': submit_port or self.submit,
        }
        self.server = h.Remex(os.path.join(SAMPLE, 'server.conf'), [self.mx, self.submit], args=self.macros(server, both))
        self.server.stderr_path = self.d('server.stderr')
        self.laptop = h.Remex(os.path.join(SAMPLE, 'laptop.conf'), [], args=self.macros(laptop, both))

    @staticmethod
    def macros(*groups):
        return ['-D%s=%s' % (k, v) for g in groups for k, v in g.items()]

    def own(self, folder):
        """The mail user's, all of it: the server, started as root, becomes that user."""
        subprocess.run(['chown', '-R', USER + ':' + USER, self.d(folder)], check=True)

    def box(self, name):
        return h.maildir(self.d('mail', DOMAIN, name))

    def log(self, name='mainlog', side='server'):
        try:
            with open(self.d(side, name), errors='replace') as f:
                return f.read()
        except OSError:
            return ''

    def stop(self):
        try:
            self.server.stop()
        finally:
            self.server.kill()
            self.dns.stop()
            self.d.remove()
