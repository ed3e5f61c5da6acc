/**
 * Log lines of hosts and home networks, written for Barometer: what programs say, without a stated severity, and how
 * grave it is to the person who runs them. They teach the severity model the words of servers, which the vendors'
 * manuals of network devices lack. No line is copied from a data set.
 *
 * critical: something is broken or lost now, or will be without a person. warning: something failed that is retried,
 * tolerated or approaching a limit. info: all the rest, good news included.
 */
const critical = `
sshd[2211]: fatal: no hostkeys available, exiting
kernel: Out of memory: Killed process 3121 (java) total-vm:8012345kB
kernel: oom-kill:constraint=CONSTRAINT_NONE task=postgres pid=812 uid=26
kernel: EXT4-fs (sda2): Remounting filesystem read-only
kernel: EXT4-fs (sda2): checksum invalid, aborting journal
kernel: Buffer I/O failure on dev sdb1, logical block 9182, lost async page write
kernel: blk_update_request: I/O error, dev sdc, sector 123456
kernel: nvme nvme0: I/O 12 QID 4 timeout, aborting, controller is down; will reset
kernel: nvme nvme0: Removing after probe failure status: -19
kernel: BUG: unable to handle page fault for address ffff8881
kernel: BUG: soft lockup - CPU#3 stuck for 22s! [kworker]
kernel: watchdog: hard LOCKUP on cpu 2
kernel: Call Trace: general protection fault, probably for non-canonical address
kernel: mce: [Hardware]: Machine check events logged, uncorrected
kernel: EDAC MC0: 1 UE memory read failure on CPU_SrcID
kernel: python3[991]: segfault at 0 ip 00007f3 sp 00007ff in libc.so
kernel: thermal thermal_zone0: critical temperature reached, shutting down
kernel: md/raid1:md0: Disk failure on sdb1, disabling device
kernel: md/raid:md1: not enough operational devices, array stopped
kernel: Kernel stack is corrupted in: do_exit
kernel: XFS (dm-0): Corruption detected. Unmount and run xfs_repair
kernel: BTRFS: device sdb forced readonly after metadata write failure
kernel: hung task: INFO blocked for more than 120 seconds
mdadm[612]: DegradedArray event detected on md device /dev/md0
smartd[701]: Device: /dev/sda, FAILED SMART self-check. BACK UP DATA NOW!
smartd[701]: Device: /dev/sdb, 48 Offline uncorrectable sectors
zed[1021]: pool 'tank' state: FAULTED, one or more devices could not be opened
zpool: pool is suspended due to unrecoverable I/O failures
ups: battery low, shutdown in 60 seconds
apcupsd: Battery power exhausted. Doing shutdown.
apcupsd: UPS battery must be replaced
ipmi: Fan 2 lower non-recoverable going low, speed 0 RPM
ipmi: Power supply 1 failure detected
systemd[1]: nginx.service: Failed with result 'exit-code'.
systemd[1]: Failed to start PostgreSQL database server.
systemd[1]: Failed to mount /srv/data.
systemd[1]: docker.service: Main process exited, code=exited, status=1/FAILURE
systemd[1]: docker.service: Start request repeated too quickly.
systemd[1]: Dependency failed for Local File Systems.
systemd[1]: You are in emergency mode.
systemd-coredump[4112]: Process 4100 (mysqld) of user 27 dumped core.
postgres[88]: could not write to file "pg_wal/xlogtemp.88": No space left on device
postgres[88]: database system is shut down because the data directory was lost
postgres[91]: invalid page in block 17 of relation base/16384/2619
postgres[91]: server process (PID 1204) was terminated by signal 11: Segmentation fault
postgres[91]: remaining connection slots are reserved, too many clients already
postgres[91]: could not access file: permission denied, aborting startup
mysqld: InnoDB: Database page corruption on disk or a failed file read
mysqld: Can't start server: Bind on TCP/IP port: Address already in use
mysqld: Table './shop/orders' is marked as crashed and should be repaired
mongod: Unable to open the WiredTiger journal, terminating
redis: Can't save in background: fork: Cannot allocate memory
redis: MISCONF snapshots cannot be persisted, writes are disabled
elasticsearch: flood stage disk watermark exceeded, all indices on this node will be marked read-only
kafka: Shutdown broker because all log dirs have failed
etcd: failed to commit proposal, raft no leader, cluster unavailable
kubelet: node is not ready: PLEG is not healthy
kubelet: OOMKilled container api in pod web-7f9 with exit code 137
kubelet: Back-off restarting failed container, CrashLoopBackOff
dockerd: failed to start daemon: error initializing graphdriver
dockerd: container 12ab exited with code 137 out of memory
dockerd: failed to start container: driver failed programming external connectivity
nginx: bind() to 0.0.0.0:443 failed (98: Address already in use)
nginx: connect() failed (111: Connection refused) while connecting to upstream
nginx: no live upstreams while connecting to upstream
nginx: cannot load certificate "/etc/ssl/site.pem": No such file, exiting
haproxy: backend web has no server available!
haproxy: Server web/srv1 is DOWN, reason: Layer4 connection problem
certbot: Failed to renew certificate example.org, it has expired
postfix/smtpd: fatal: open database /etc/aliases.db: No such file or directory
named: zone example.org: not loaded due to errors, all servers failed
dnsmasq: failed to create listening socket for port 53: Address already in use
dhcpd: no free leases, address pool exhausted
openvpn: Cannot open TUN/TAP dev, exiting due to fatal condition
pppoe: WAN link down, no response from peer, internet connection lost
router: gateway 10.0.0.1 unreachable, 100% packet loss
switch: spanning tree loop detected, port disabled
switch: Interface TenGigabit1 is down due to err-disable
firewall: intrusion detected, host compromised, ransomware activity blocked
backup: job nightly FAILED, no data was written
backup: repository is corrupt, 12 chunks are missing
rsync: write failed on "/mnt/backup": No space left on device
raid: logical drive 1 failed, data loss is possible
Traceback (most recent call last): unhandled exception in worker
Exception in thread "main" java.lang.OutOfMemoryError: Java heap space
java.lang.NullPointerException: cannot invoke method on null at com.example.Service
Unhandled promise rejection, process will exit
Uncaught TypeError: cannot read properties of undefined, exiting
goroutine 1 [running]: runtime: out of memory, aborted
thread 'main' panicked at index out of bounds
service terminated unexpectedly and could not be restarted
disk full, cannot write any more data
database is locked up and no longer answers, all queries fail
connection to the primary database lost, failing all requests
cannot allocate memory
filesystem is corrupted and was set read-only
license verification failed, the service is stopped
data loss: 42 records could not be written
checksum mismatch, the file is corrupted
the process was killed by signal 9
the node is dead and was removed from the cluster
`
const warning = `
sshd[991]: Failed password for root from 203.0.113.9 port 4123 ssh2
sshd[991]: Failed password for invalid user admin from 203.0.113.9 port 4123 ssh2
sshd[991]: Invalid user oracle from 203.0.113.9 port 51112
sshd[991]: maximum authentication attempts exceeded for root
sshd[991]: Received disconnect: Too many authentication failures
sshd[991]: reverse mapping checking getaddrinfo failed - POSSIBLE BREAK-IN ATTEMPT!
sshd[991]: Connection closed by authenticating user root [preauth], repeated
sshd(pam_unix)[991]: authentication failure; logname= uid=0 rhost=203.0.113.9
pam_unix(sshd:auth): authentication failure; user=root
sudo: alice : 3 incorrect password attempts ; COMMAND=/bin/bash
sudo: bob : user NOT in sudoers ; COMMAND=/bin/su
fail2ban: [sshd] Ban 203.0.113.9
kernel: CPU3: Core temperature above threshold, cpu clock throttled
kernel: perf: interrupt took too long, lowering the sample rate
kernel: TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies.
kernel: nf_conntrack: table full, dropping packet
kernel: eth0: Link is Down
kernel: e1000e: eth0 NIC Link is Down
kernel: usb 1-1: device descriptor read failed, retrying
kernel: usb 1-2: reset high-speed USB device number 4
kernel: ata3: SATA link down, hard resetting link
kernel: ata1.00: exception Emask 0x0, revalidation will be retried
kernel: EXT4-fs (sda1): mounting fs with problems, running e2fsck is recommended
kernel: EXT4-fs (sda1): warning: maximal mount count reached
kernel: FAT-fs (sdc1): Volume was not properly unmounted. Some data may be corrupt. Please run fsck.
kernel: EDAC MC0: 1 CE memory read correctable
kernel: clocksource: timekeeping watchdog marked tsc as unstable
kernel: ACPI BIOS: could not resolve symbol, ignoring
kernel: iwlwifi: Microcode SW restart requested, recovering
kernel: dropped 118 packets on ring buffer overrun
kernel: UFW BLOCK IN=eth0 OUT= SRC=203.0.113.9 DST=10.0.0.2 PROTO=TCP DPT=23
kernel: DROP IN=wan OUT= SRC=203.0.113.9 PROTO=UDP
smartd[701]: Device: /dev/sda, 8 Currently unreadable (pending) sectors
smartd[701]: Device: /dev/sda, Temperature changed to 55 Celsius, above the limit
zed: pool 'tank' state: DEGRADED, scrub recommended
ups: on battery power, mains lost
apcupsd: Power failure, running on UPS batteries
ipmi: Temperature upper non-critical going high
systemd[1]: app.service: Scheduled restart job, restart counter is at 3.
systemd[1]: app.service: State 'stop-sigterm' timed out. Killing.
systemd[1]: app.service: Watchdog timeout, restarting
systemd-resolved: Using degraded feature set UDP instead of TCP for DNS server 1.1.1.1
systemd-timesyncd: Timed out waiting for reply from 162.159.200.1:123
systemd-journald: Suppressed 412 messages from app.service
ntpd: clock is unsynchronized, no reachable server
chronyd: System clock wrong by 12.5 seconds, adjustment started
postgres[88]: checkpoints are occurring too frequently (9 seconds apart)
postgres[88]: there is no transaction in progress
postgres[88]: password authentication failed for user "app"
postgres[88]: duration: 8123.412 ms statement was slow
postgres[88]: canceling statement due to statement timeout
postgres[88]: deadlock detected, process 12 waits for ShareLock and was cancelled
postgres[88]: could not receive data from client: Connection reset by peer
mysqld: Aborted connection 92 to db: 'shop' (Got timeout reading communication packets)
mysqld: IP address could not be resolved: Name or service not known
redis: overcommit_memory is set to 0! Background save may fail under low memory condition
mongod: Slow query took 2412 ms
elasticsearch: high disk watermark exceeded, shards will be relocated away from this node
elasticsearch: [gc] overhead, spent 1.2s collecting in the last 1.5s
kubelet: Readiness probe failed: HTTP probe returned 503
kubelet: Liveness probe failed, container will be restarted
kubelet: Evicting pod because of disk pressure
dockerd: container health status changed to unhealthy
dockerd: No non-localhost DNS nameservers are left in resolv.conf, using default external servers
nginx: upstream response is buffered to a temporary file
nginx: client intended to send too large body
nginx: upstream timed out (110: Connection timed out), next upstream is tried
nginx: 1024 worker_connections are not enough, reusing connections
10.0.0.2 - - "GET /api/orders HTTP/1.1" 500 912 "-" "Mozilla"
10.0.0.2 - - "POST /login HTTP/1.1" 503 211 "-" "curl"
10.0.0.2 - - "GET / HTTP/2.0" 502 150 "-" "Mozilla"
haproxy: Health check for server web/srv1 failed, reason: Layer7 timeout, 2 of 3 checks
certbot: certificate example.org expires in 5 days
postfix/smtp: status=deferred (connect to mx.example.org: Connection timed out)
postfix/smtpd: lost connection after AUTH from unknown
dovecot: imap-login: Disconnected (auth failed, 3 attempts)
named: client query denied
named: lame server resolving example.org
dnsmasq-dhcp: DHCP packet received on eth1 which has no address, ignored
hostapd: wlan0: STA did not acknowledge authentication, deauthenticated due to inactivity
openvpn: TLS handshake failed, restarting in 5 seconds
wireguard: handshake did not complete after 5 seconds, retrying
router: high latency to gateway, 12% packet loss
switch: Interface Gi0/3 changed state to down
switch: MAC address flapping between port 1 and port 2
switch: duplex mismatch discovered on port 7
access point: channel utilization is high, 85%
backup: 3 files were skipped because they are in use
backup: last successful run was 4 days ago
disk usage of / is at 91%, approaching the limit
swap usage is high
memory usage above threshold
queue length 9120 is above the threshold
request took 5312 ms, slower than the limit of 1000 ms
retrying in 30 seconds (attempt 3 of 10)
connection refused, retrying
connection lost, reconnecting
rate limit exceeded, throttling client
deprecated option will be removed in a future release
this API is deprecated, use the new one instead
configuration value is missing, using the default
unknown configuration key ignored
cache miss ratio is unusually high
token expired, requesting a new one
falling back to the previous version
`
const info = `
sshd[991]: Accepted publickey for deploy from 10.0.0.5 port 50022 ssh2: ED25519 SHA256:abc
sshd[991]: Accepted password for alice from 10.0.0.5 port 50022 ssh2
sshd[991]: Server listening on 0.0.0.0 port 22.
sshd[991]: Connection closed by 10.0.0.5 port 50022
sshd[991]: Disconnected from user alice 10.0.0.5 port 50022
sshd[991]: pam_unix(sshd:session): session opened for user deploy by (uid=0)
sshd[991]: pam_unix(sshd:session): session closed for user deploy
systemd-logind[1]: New session 42 of user alice.
systemd-logind[1]: Session 42 logged out. Waiting for processes to exit.
sudo: alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/apt update
CRON[1221]: (root) CMD (test -x /usr/sbin/anacron || run-parts /etc/cron.daily)
anacron: Job 'cron.daily' terminated
kernel: Linux version 6.1.0-18-amd64 (gcc 12.2.0)
kernel: Command line: BOOT_IMAGE=/vmlinuz root=/dev/sda2 ro quiet
kernel: eth0: Link is Up - 1Gbps/Full - flow control rx/tx
kernel: e1000e: eth0 NIC Link is Up 1000 Mbps Full Duplex
kernel: usb 1-1: new high-speed USB device number 4 using xhci_hcd
kernel: usb 1-1: USB disconnect, device number 4
kernel: sd 2:0:0:0: [sdb] Attached SCSI disk
kernel: EXT4-fs (sda2): mounted filesystem with ordered data mode
kernel: EXT4-fs (sda2): recovery complete
kernel: md0: resync done.
kernel: Freeing unused kernel memory: 2048K
kernel: audit: type=1400 apparmor="ALLOWED" operation="open"
kernel: br0: port 2(eth1) entered forwarding state
kernel: wlan0: associated
kernel: device eth0 entered promiscuous mode
kernel: Memory: 16301012K/16777216K available
kernel: ACPI: Fan [FAN0] (on)
smartd[701]: Device: /dev/sda, SMART self-check passed
smartd[701]: Device: /dev/sda, previous self-test completed without error
mdadm: RebuildFinished event detected on md device /dev/md0
zed: scrub finished on pool tank with 0 errors
zpool: pool 'tank' state: ONLINE, no known data errors
ups: back on mains power, battery charged
apcupsd: Power is back. UPS running on mains.
systemd[1]: Started Daily apt download activities.
systemd[1]: Starting nginx - high performance web server...
systemd[1]: Started PostgreSQL database server.
systemd[1]: Stopped target Timers.
systemd[1]: Stopping Docker Application Container Engine...
systemd[1]: Reached target Multi-User System.
systemd[1]: Mounted /srv/data.
systemd[1]: app.service: Deactivated successfully.
systemd[1]: app.service: Consumed 2.1s CPU time.
systemd[1]: Reloading.
systemd-networkd: eth0: Gained carrier
systemd-timesyncd: Synchronized to time server 162.159.200.1:123
chronyd: Selected source 162.159.200.123
ntpd: time slew +0.012 s
postgres[88]: database system is ready to accept connections
postgres[88]: checkpoint complete: wrote 812 buffers (5.0%)
postgres[88]: automatic vacuum of table "app.public.orders": index scans: 1
postgres[88]: connection authorized: user=app database=app
postgres[88]: received fast shutdown request by the administrator
postgres[88]: last completed transaction was at log time
mysqld: ready for connections. Version: 10.11 socket: port: 3306
mysqld: InnoDB: Buffer pool(s) load completed
redis: Background saving terminated with success
redis: DB saved on disk
redis: Ready to accept connections
mongod: connection accepted from 10.0.0.5:50022
mongod: Build index done: scanned 1200 records
elasticsearch: Cluster health status changed from [YELLOW] to [GREEN]
etcd: finished scheduled compaction
etcd: became leader at term 12
kafka: Rolled new log segment at offset 91234
kubelet: Container image "nginx:1.25" already present on machine
kubelet: Started container api
kubelet: Successfully assigned default/web-7f9 to node-2
kubelet: Readiness probe succeeded, pod is ready
dockerd: API listen on /var/run/docker.sock
dockerd: Container 12ab started
dockerd: Loading containers: done.
dockerd: ignoring event, container was removed by the user
containerd: shim disconnected, cleaning up after exit
nginx: start worker process 812
nginx: signal 1 (SIGHUP) received, reconfiguring
nginx: gracefully shutting down
10.0.0.2 - - "GET /index.html HTTP/1.1" 200 5123 "-" "Mozilla"
10.0.0.2 - - "POST /api/orders HTTP/1.1" 201 412 "-" "okhttp"
10.0.0.2 - - "GET /favicon.ico HTTP/1.1" 404 153 "-" "Mozilla"
10.0.0.2 - - "GET /old HTTP/1.1" 301 178 "-" "Mozilla"
10.0.0.2 - alice "GET /admin HTTP/1.1" 401 12 "-" "curl"
10.0.0.2 - - "GET /logo.png HTTP/2.0" 304 0 "-" "Safari"
haproxy: Server web/srv1 is UP, reason: Layer7 check passed, code: 200
haproxy: Proxy web started.
certbot: Certificate not yet due for renewal; no action taken
certbot: Successfully renewed certificate example.org
postfix/qmgr: removed
postfix/smtp: status=sent (250 2.0.0 OK)
dovecot: imap-login: Login: user=<alice>, method=PLAIN
named: zone example.org/IN: loaded serial 2026010201
named: received control channel command 'stats'
dnsmasq: query[A] example.org from 10.0.0.7
dnsmasq: cached example.org is 93.184.216.34
dnsmasq-dhcp: DHCPACK(eth1) 10.0.0.7 00:1a:2b:3c:4d:5e phone
dhcpd: DHCPDISCOVER from 00:1a:2b:3c:4d:5e via eth1
hostapd: wlan0: STA 00:1a:2b:3c:4d:5e WPA: pairwise key handshake completed
hostapd: wlan0: STA 00:1a:2b:3c:4d:5e IEEE 802.11: associated
hostapd: wlan0: STA 00:1a:2b:3c:4d:5e IEEE 802.11: disassociated
openvpn: Initialization Sequence Completed
openvpn: Peer Connection Initiated with 203.0.113.9:1194
wireguard: Keypair 12 created for peer 3
pppoe: PPP session is 1, local IP address 198.51.100.4
router: WAN link is up, obtained address by DHCP
switch: Interface Gi0/3 changed state to up
switch: configuration saved by admin
switch: spanning tree topology change on port 4, port is forwarding
access point: client roamed to 5 GHz
firewall: rule 12 updated by admin
backup: job nightly finished, 1204 files, 0 errors
backup: snapshot created
rsync: sent 1204 bytes received 91 bytes total size is 120412
apt: package lists were updated
unattended-upgrades: No packages found that can be upgraded unattended
user alice logged in from 10.0.0.5
user alice logged out
configuration reloaded successfully
service started on port 8080
listening on http://0.0.0.0:3000
health check passed
connection established
connection restored after 12 seconds
cache warmed up with 1204 entries
0 errors, 0 warnings
test suite finished: 212 passed, 0 failed
no problems found
all systems operational
job 12 completed in 812 ms
scheduled task started
heartbeat received from node 3
upgraded from version 1.2.3 to 1.2.4
migration 12 applied
statistics: requests=1204 errors=0
error_count=0 warn_count=0
shutting down gracefully on request
`

export interface LogLine {
  readonly text: string
  readonly label: 'info' | 'warning' | 'critical'
}

export const severityLines: readonly LogLine[] = [
  ...linesOf(critical, 'critical'),
  ...linesOf(warning, 'warning'),
  ...linesOf(info, 'info'),
]

function linesOf(block: string, label: LogLine['label']): LogLine[] {
  return block
    .trim()
    .split('\n')
    .map((text) => ({ text, label }))
}
