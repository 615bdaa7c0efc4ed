"""Configurations as Debian makes them: exim4-config's own update-exim4.conf, run in a private unpacked tree.

debian_configs(directory) returns {"internet-split": path, ...} for the five debconf types, split and unsplit; shipped_example(directory)
the configuration that Exim's distribution ships (in exim4-base's examples). The packages lie in the directory REMEX_DEBIAN_PACKAGES or beside the
oracle, or come from apt's archive; without one, None. They are not kept in the source tree: their licence is not ours.
"""
import contextlib
import glob
import os
import shutil
import subprocess

TYPES = {
    'internet': {'dc_other_hostnames': 'box.test;second.test', 'dc_relay_nets': '192.168.1.0/24', 'dc_relay_domains': 'backup.test'},
    'smarthost': {'dc_smarthost': 'smart.test::587', 'dc_readhost': 'hidden.test', 'dc_hide_mailname': 'true', 'dc_relay_nets': '10.0.0.0/8;fd00::/8'},
    'satellite': {'dc_smarthost': 'smart.test', 'dc_readhost': 'hidden.test', 'dc_hide_mailname': 'true', 'dc_local_interfaces': '127.0.0.1 ; ::1'},
    'local': {'dc_minimaldns': 'false', 'dc_local_interfaces': '127.0.0.1', 'dc_localdelivery': 'maildir_home'},
    'none': {},
}


def unpack(package, directory):
    """The package's files below `directory`; None when it cannot be had."""
    tree = os.path.join(directory, 'unpacked', package)
    if os.path.isdir(tree):
        return tree
    os.makedirs(os.path.dirname(tree), exist_ok=True)
    beside_oracle = os.path.join(os.path.dirname(os.environ.get('REMEX_ORACLE', '')), 'packages')
    debs = glob.glob(os.path.join(os.environ.get('REMEX_DEBIAN_PACKAGES', beside_oracle), package + '_*.deb'))
    if not debs:
        fetch = os.path.join(directory, 'debs')
        os.makedirs(fetch, exist_ok=True)
        os.chmod(fetch, 0o777)
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # no apt, or no network
            subprocess.run(['apt-get', '-q', '-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::https::Timeout=10',
                            'download', package], cwd=fetch, capture_output=True, timeout=40)
        debs = glob.glob(os.path.join(fetch, package + '_*.deb'))
    if not debs or subprocess.run(['dpkg-deb', '-x', debs[0], tree], capture_output=True).returncode != 0:
        return None
    return tree


def debian_configs(directory, types=TYPES):
    tree = unpack('exim4-config', directory)
    if not tree:
        return None
    confdir = os.path.join(tree, 'etc/exim4')
    with open(os.path.join(tree, 'usr/sbin/update-exim4.conf'), encoding='utf-8') as f:
        script = f.read()
    mailname = os.path.join(directory, 'mailname')
    with open(mailname, 'w', encoding='utf-8') as f:
        f.write('box.test\n')
    # Nothing outside the tree is read or written, and no group of a real installation is needed.
    script = script.replace('/etc/mailname', mailname).replace('chown root:Debian-exim', 'true').replace('/etc/exim4/exim4.conf.localmacros', confdir + '/none')
    runner = os.path.join(directory, 'update-exim4.conf')
    with open(runner, 'w', encoding='utf-8') as f:
        f.write(script)
    made = {}
    for kind, settings in types.items():
        for split in ('split', 'unsplit'):
            values = dict(dc_eximconfig_configtype=kind, dc_other_hostnames='', dc_local_interfaces='', dc_readhost='', dc_relay_domains='', dc_minimaldns='false',
                          dc_relay_nets='', dc_smarthost='', CFILEMODE='644', dc_use_split_config='true' if split == 'split' else 'false',
                          dc_hide_mailname='', dc_mailname_in_oh='true', dc_localdelivery='mail_spool')
            values.update(settings)
            with open(os.path.join(confdir, 'update-exim4.conf.conf'), 'w', encoding='utf-8') as f:
                f.write(''.join("%s='%s'\n" % pair for pair in values.items()))
            path = os.path.join(directory, '%s-%s.conf' % (kind, split))
            if os.path.exists(path):
                os.unlink(path)
            subprocess.run(['sh', runner, '-d', confdir, '-o', path], check=True, capture_output=True, timeout=60)
            made['%s-%s' % (kind, split)] = path
    return made


def shipped_example(directory):
    """The default configuration of Exim's distribution, with the host's name filled in; None when the package cannot be had."""
    tree = unpack('exim4-base', directory)
    if not tree:
        return None
    found = glob.glob(os.path.join(tree, 'usr/share/doc/exim4-base/examples/example.conf*'))
    if not found:
        return None
    path = os.path.join(directory, 'example.conf')
    if found[0].endswith('.gz'):
        with open(path, 'wb') as f:
            f.write(subprocess.run(['gzip', '-dc', found[0]], check=True, capture_output=True).stdout)
    else:
        shutil.copy(found[0], path)
    return path
