#!/usr/bin/env bash
# Copies of the configuration at other nodes: OpenSSH by scp and sftp, with a password and with a key, and FTP both ways, over
# both families; who is not let in, not known, or not there; and that it is tried again. Spec: commit-38..41, commit-49..51.
# shellcheck source=lab/lib.sh
. "$(dirname "$0")/../lib.sh"

SSHD=/usr/sbin/sshd
[ -x "$SSHD" ] && /usr/bin/python3 -c 'import pyftpdlib' 2>/dev/null ||
    { echo "archive: needs openssh-server and python3-pyftpdlib; run 'make deps'" >&2; exit 77; }

# Too large for one segment, one window or one packet of a secure shell.
config=$(mktemp) || exit 2
{
    cat "$LAB_DIR/demo.conf"
    echo 'security { address-book { global {'
    for n in $(seq 0 9999); do echo "address many-$n 10.2.$((n / 256)).$((n % 256))/32;"; done
    echo '} } }'
} >"$config"

PASSWORD='p"a\ss word'
PORT=2222
FTP_PORT=2121
WRONG_PORT=2223
LATE_PORT=2224

# The daemon's user, as the transfer program sees it, is the lab's own.
lab_more() {
    local key
    export HOME=$STATE/home
    mkdir -p -m 700 "$HOME/.ssh" || return 1
    mkdir -m 755 "$STATE/out/site" "$STATE/out/site/.ssh" || return 1
    for key in "$STATE/out/host" "$STATE/out/other" "$HOME/.ssh/id_ed25519"; do
        ssh-keygen -q -t ed25519 -N '' -C lab -f "$key" || return 1
    done
    cp "$HOME/.ssh/id_ed25519.pub" "$STATE/out/site/.ssh/authorized_keys" || return 1
    # An account that exists in the server's sight alone.
    cp /etc/passwd "$STATE/out/passwd" && (umask 077 && cp /etc/shadow "$STATE/out/shadow") || return 1
    echo 'ann:x:47011:65534::/srv:/bin/sh' >>"$STATE/out/passwd"
    echo "ann:$(openssl passwd -6 -stdin <<<"$PASSWORD"):19000::::::" >>"$STATE/out/shadow"
    chown -R 47011 "$STATE/out/site"
}

sshd() { # NAME PORT KEY
    cat >"$STATE/out/$1.conf" <<CONF
Port $2
HostKey $STATE/out/$3
PidFile none
UsePAM no
UseDNS no
StrictModes no
AllowUsers ann
PasswordAuthentication yes
PubkeyAuthentication yes
AuthorizedKeysFile /srv/.ssh/authorized_keys
Subsystem sftp internal-sftp
CONF
    # Everything in one process at the end, so that its number stays.
    spawn "$1" "$SERVER" unshare --mount --propagation private sh -ec "
        mount --bind '$STATE/out/site' /srv
        mount --bind '$STATE/out/passwd' /etc/passwd
        mount --bind '$STATE/out/shadow' /etc/shadow
        mount -t tmpfs tmpfs /run
        mkdir -m 755 /run/sshd
        exec $SSHD -D -e -f '$STATE/out/$1.conf'"
    wait_until 10 grep -q 'listening on :: port' "$STATE/log/$1"
}

ARCHIVAL="system archival configuration"
run() { "$RAVELIN" cli --socket "$STATE/run/api.sock" -c "$1"; }
# archive SITE...: commits with these sites. One is an address, or an address and its password with a blank between.
archive() {
    local site address password orders="set $ARCHIVAL transfer-on-commit; delete system archival; set $ARCHIVAL transfer-on-commit"
    for site; do
        address=${site%% *} password=${site#"$address"} password=${password# }
        password=${password//\\/\\\\}
        orders+="; set $ARCHIVAL archive-sites \"$address\"${password:+ password \"${password//\"/\\\"}\"}"
    done
    run "configure; $orders; commit"
}
# The active configuration, without the heading and the checksum of its file.
active() { sed -e '1d' -e '$d' "$STATE/state/active.conf"; }
serial() { sed -n '1s/.*\tserial=\([0-9]*\).*/\1/p' "$STATE/state/active.conf"; }
copy() { compgen -G "$STATE/out/site/ravelin-demo_*_juniper.conf.$(serial)"; }
is_whole() { cmp "$(copy)" <(active); }
arrives() { # NAME SITE...
    check "$1: a commit" archive "${@:2}"
    check "$1: the copy arrives whole" wait_until 15 is_whole
}
told() { grep -F 'takes no copy' "$STATE/log/daemon" | grep -F -- "$1" | grep -Eq -- "$2"; }

test_lab "$config"
rm -f "$config"

check "sshd is ready" sshd sshd "$PORT" host
check "another with the key of a stranger is" sshd stranger "$WRONG_PORT" other
spawn ftpd "$SERVER" "$LAB_DIR/ftpd.py" "$FTP_PORT" "$STATE/out/site" ann "$PASSWORD"
check "the FTP server is ready" wait_until 10 grep -q 'starting FTP server' "$STATE/log/ftpd"
check "the first packets pass within 10 s" wait_until 10 forwards

# --- Nobody is trusted unseen -----------------------------------------------------------------------------------

V4=198.51.100.2 V6='[2001:db8:2::2]'
check "no host is known: a commit" archive "scp://ann@$V4:$PORT/srv"
check "it is told" wait_until 15 told "scp://ann@$V4:$PORT" 'no host is known'
read -r type key _ <"$STATE/out/host.pub"
printf '%s\n' "[192.0.2.1]:$PORT $type $key" >"$HOME/.ssh/known_hosts"
check "another host is known: a commit" archive "sftp://ann@$V4:$PORT/srv $PASSWORD"
check "it is told" wait_until 15 told "sftp://ann@$V4:$PORT" 'not OK|[Hh]ost key'
check_is "nothing has come" 0 eval "ls '$STATE/out/site' | wc -l"
for port in "$PORT" "$WRONG_PORT" "$LATE_PORT"; do
    for host in "$V4" "$V6"; do printf '%s\n' "[${host//[\[\]]/}]:$port $type $key"; done
done >"$HOME/.ssh/known_hosts"

# --- Every way ----------------------------------------------------------------------------------------------------

arrives "scp with a password" "scp://ann@$V4:$PORT/srv $PASSWORD"
check_is "what was refused before came first, one copy a commit" 3 eval "ls '$STATE/out/site' | wc -l"
check_is "others can't read it" 600 stat -c %a "$(copy)"
arrives "scp with a key, IPv6" "scp://ann@$V6:$PORT/srv"
arrives "sftp with a password, IPv6" "sftp://ann@$V6:$PORT/srv $PASSWORD"
arrives "sftp with a key" "sftp://ann@$V4:$PORT/srv/"
arrives "FTP, the firewall opens" "pasvftp://ann@$V4:$FTP_PORT/ $PASSWORD"
arrives "FTP over IPv6, the firewall opens" "pasvftp://ann@$V6:$FTP_PORT/ $PASSWORD"
# The data connection comes to any port of the firewall.
check "the firewall lets the server's connections in" \
    run "configure; set security zones security-zone untrust host-inbound-traffic system-services any-service; commit"
arrives "FTP, the server opens" "ftp://ann@$V4:$FTP_PORT/ $PASSWORD"
arrives "FTP over IPv6, the server opens" "ftp://ann@$V6:$FTP_PORT/ $PASSWORD"

# --- Who has the copy when others fail -------------------------------------------------------------------------

mkdir "$STATE/out/site/mine" && chmod 755 "$STATE/out/site/mine"
check "a commit with sites of which the last is right" archive "scp://ann@$V4:$PORT/srv wrong" \
    "sftp://bob@$V4:$PORT/srv $PASSWORD" "ftp://ann@$V4:$FTP_PORT/ wrong" "sftp://ann@$V4:$WRONG_PORT/srv $PASSWORD" \
    "scp://ann@$V4:$PORT/srv/mine $PASSWORD" "sftp://ann@$V4:$PORT/srv/none $PASSWORD" "sftp://ann@$V6:$PORT/srv $PASSWORD"
check "that one has the copy" wait_until 30 is_whole
# The copy is whole before the transfer program has ended, and what failed is told behind that.
check "a wrong password is told of scp" wait_until 15 told "scp://ann@$V4:$PORT/srv " '[Aa]uthentication|[Ll]ogin denied'
check "a wrong user of sftp" wait_until 15 told "sftp://bob@$V4:$PORT" '[Aa]uthentication|[Ll]ogin denied'
check "a wrong password of FTP" wait_until 15 told "ftp://ann@$V4:$FTP_PORT" '530|[Aa]ccess denied'
check "a host with another key" wait_until 15 told "sftp://ann@$V4:$WRONG_PORT" 'not OK|[Hh]ost key'
check "a directory that is not writable" wait_until 15 told "scp://ann@$V4:$PORT/srv/mine" '[Pp]ermission|[Ff]ailed'
check "a directory that is not there" wait_until 15 told "sftp://ann@$V4:$PORT/srv/none" '[Nn]o such|not exist|[Dd]enied|[Uu]nknown|[Ff]ail'

# --- What is seen of a password, and a server that comes back ------------------------------------------------------

carrier() {
    local pid
    for pid in $(ip netns pids "$FIREWALL"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = curl ] && echo "$pid" && return
    done
    return 1
}
check "the late server is ready" sshd late "$LATE_PORT" host
check "it stands still" signal late STOP
check "a commit" archive "sftp://ann@$V4:$LATE_PORT/srv $PASSWORD"
check "the transfer program waits" wait_until 10 carrier
PID=$(carrier)
check_is "its arguments say nothing" 'curl --disable --config - ' eval "tr '\0' ' ' </proc/$PID/cmdline | sed 's|^[^ ]*/||'"
check_is "nor does its environment" 1 eval "tr '\0' '\n' </proc/$PID/environ | grep -c ."
check_is "what waits for nobody answers meanwhile" ravelin-demo eval "run 'show configuration system host-name' | sed 's/.* \(.*\);/\1/'"
check "it gives up, and says so" wait_until 20 told "sftp://ann@$V4:$LATE_PORT" '[Tt]ime'
check "the server goes on" signal late CONT
check "nothing came yet" [ ! -e "$STATE/out/site/ravelin-demo_"*"_juniper.conf.$(serial)" ]
check "it is tried again: the copy arrives whole" wait_until 75 is_whole
check_is "one copy a commit" "$(($(serial) - 1))" eval "ls '$STATE/out/site' | grep -c juniper"
check_is "no password is in a log" no eval "grep -rqF 'ss word' '$STATE/log' '$STATE/run'/*.log && echo yes || echo no"
left_nothing() { [ -z "$(find /tmp -maxdepth 1 -name '.tmp*' -newer "$STATE/out/passwd" -user root -size +300k)" ]; }
check "no copy is left behind" wait_until 15 left_nothing
summary
