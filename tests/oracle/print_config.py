#!/usr/bin/env python3
"""-bP in all its forms against the oracle: our own collection of option types, and Debian's configurations as far as they load.

Compared are the options both have. DEFAULTS names those whose unset value differs by intent; set ones are compared. Exit 77 without an oracle.
"""
# timeout: 300
import difflib
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import debian_config
import harness as h
from _pair import find_oracle

HERE = os.path.dirname(os.path.abspath(__file__))
# Our own identity, paths and product; and values that say what an engine does (TLS library, spool, buffers).
DEFAULTS = set('''exim_path exim_user exim_group config_file configure_file log_file_path pid_file_path process_log_path smtp_banner syslog_processname
received_header_text spool_directory exim_version openssl_options tls_advertise_hosts tls_dhparam tls_eccurve smtp_etrn_command lookup_open_max
dns_check_names_pattern dsn_from av_scanner spamd_address tls_require_ciphers bounce_message_text keep_environment add_environment
directory_file dkim_canon dkim_sign_headers host_name_extract hosts_try_dane protocol uucp_from_pattern perl_startup notifier_socket driver group queue_fast_ramp quota_filecount quota_warn_threshold rfc1413_hosts sqlite_lock_timeout remote_max_parallel tls_crl tls_verify_certificates path environment
check_string escape_string message_prefix message_suffix once_repeat port'''.split())
# Accepted without effect, with the reason in the reference: they are not kept, so -bP shows them unset.
WITHOUT_EFFECT = set('''acl_smtp_data_prdr prdr_enable reply_transport smtputf8_advertise_hosts tls_resumption_hosts'''.split())

# Default lists that are written with other blanks.
SPACED = {'dkim_verify_hashes', 'dkim_verify_keytypes', 'helo_lookup_domains', 'tls_alpn'}


class Pair:
    def __init__(self):
        self.oracle = find_oracle() or h.skip('no oracle')
        if os.geteuid() != 0:
            h.skip('the oracle wants a configuration of root')
        self.d = h.Dir()
        self.same = self.different = self.not_loaded = 0

    def run(self, binary, conf, *args):
        r = subprocess.run([binary, '-C', conf, *args], capture_output=True, text=True, errors='replace', timeout=60)
        return r.returncode, r.stdout, r.stderr

    def compare(self, what, ours, theirs):
        if ours == theirs:
            self.same += 1
            return
        self.different += 1
        print('DIFFERENT %s' % what)
        print('\n'.join(list(difflib.unified_diff(theirs.split('\n'), ours.split('\n'), 'oracle', 'remex', lineterm='', n=0))[2:12]))

    def options(self, binary, conf, *words):
        """{(instance, option): line}; a bool's name is the one without no_."""
        out, where = {}, ''
        for line in self.run(binary, conf, '-bP', *words)[1].split('\n'):
            m = re.match(r'^(\S+) (router|transport|authenticator):$', line)
            if m:
                where = m.group(1)
            elif line:
                name = line.split(' = ')[0].rstrip(' =')
                out[(where, re.sub('^no_', '', name))] = line.rstrip()
        return out

    def whole(self, conf, forms):
        """Every option both know, then the given forms word by word."""
        name = os.path.basename(conf)
        for words in ([], ['routers'], ['transports'], ['authenticators']):
            ours, theirs = self.options(h.BIN, conf, *words), self.options(self.oracle, conf, *words)
            h.check(len(set(ours) & set(theirs)) >= (150 if not words else 1) or not theirs, 'nothing to compare in %s %s' % (name, words))
            for key in sorted(set(ours) & set(theirs)):
                if key[1] in SPACED:
                    ours[key], theirs[key] = (re.sub(' *: *', ':', v) for v in (ours[key], theirs[key]))
                if key[1] not in DEFAULTS | WITHOUT_EFFECT and not (words and key[1] == 'message_size_limit'):
                    self.compare('%s %s %s' % (name, words, key), ours[key], theirs[key])
        for words in forms:
            (rc, out, err), theirs = self.run(h.BIN, conf, *words), self.run(self.oracle, conf, *words)
            self.compare('%s %s' % (name, words), '%d %s' % (rc, re.sub(r' +\n', '\n', out + err)), '%d %s' % (theirs[0], re.sub(r' +\n', '\n', theirs[1] + theirs[2])))
        listing = [re.sub(r'^# (Exim|remex).*\n', '', self.run(b, conf, '-bP', 'config')[1]) for b in (h.BIN, self.oracle)]
        # The oracle's build has SMTPUTF8, and ours says by its macros that it has not: Debian's configuration asks.
        # Macros that stand between drivers are indented by two or four blanks there, here always by four.
        listing = [re.sub(r'(?m)^ +(?=[A-Z]\w* *=)', '', re.sub(r'(?mi)^.*smtputf8.*\n', '', text)) for text in listing]
        if listing[1]:  # the oracle does not load the example of a newer version
            self.compare('%s -bP config' % name, *listing)


def main():
    p = Pair()
    try:
        with open(os.path.join(HERE, 'print/forms.conf'), encoding='utf-8') as f:
            conf = h.write(p.d('forms.conf'), f.read().replace('@DIR@', p.d.path))
        for sub in ('spool', 'log'):
            os.makedirs(p.d(sub))
            os.chmod(p.d(sub), 0o777)
        forms = [w.split() for w in '''-bP primary_hostname|-n -bP primary_hostname|-bP mysql_servers|-bP +plain|-bP +folded +nets|-n -bP +people +boxes
-bP router_list|-bP transport_list authenticator_list|-bP router nope|-bP macro AAA|-bP macro BBB|-bP macro NOPE|-bP config_file|-bP configure_file
-bP none|-bP local_interfaces trusted_users never_users|-n -bP recipients_max deliver_queue_load_max smtp_load_reserve'''.replace('\n', '|').split('|')]
        p.whole(conf, forms)
        made = debian_config.debian_configs(p.d.path) or {}
        for path in sorted(made.values()) + [x for x in [debian_config.shipped_example(p.d.path)] if x]:
            if p.run(h.BIN, path, '-bV')[0] != 0:
                p.not_loaded += 1
                continue
            p.whole(path, [['-bP', 'router_list'], ['-bP', '+local_domains'], ['-bP', 'transport_list']])
        # The configurations of tests/config as they are: the oracle loads all of them, no option of ours has to be taken out.
        own = sorted(glob.glob(os.path.join(HERE, '../config/*.conf')))
        h.check(len(own) >= 10, 'tests/config has %d configurations' % len(own))
        for path in own:
            with open(path, encoding='utf-8') as f:
                conf = h.write(p.d(os.path.basename(path)), f.read())
            for binary in (h.BIN, p.oracle):
                rc, _, err = p.run(binary, conf, '-bV')
                h.check(rc == 0, '%s does not load in %s: %s' % (path, binary, err))
            p.whole(conf, [['-bP', 'router_list'], ['-bP', 'transport_list'], ['-bP', 'authenticator_list']])
    finally:
        p.d.remove()
    print('%d same, %d different; %d configurations do not load yet' % (p.same, p.different, p.not_loaded))
    return 1 if p.different or not p.same else 0


sys.exit(main())
