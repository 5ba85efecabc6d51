/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 * SPDX-FileCopyrightText: 2026 The sandbox.network authors
 *
 * A library for LD_PRELOAD that stands between a module and the kernel.
 * It numbers every call that changes something, writes its name to a log, and at call number `at` does what `mode` says:
 * kills the whole process group before or after the call, stops the process before it, or makes the call fail with `error`.
 *
 * A failing netlink request is not an error of send(): the kernel answers it with a message. So the request (message
 * number `sub` of the call) is turned into a no-op that the kernel acknowledges under the same sequence number, and the
 * acknowledgement is rewritten into the error when it is received. With FAIL_DONE the request itself goes through and
 * only its answer is an error.
 *
 * Calls that cannot change anything (creating what is there, removing what is not) are not counted.
 * Control block and log live in a shared file mapping, so one counter serves a process and its children.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_SIZE (4u << 20)

enum { COUNT, KILL_BEFORE, KILL_AFTER, FAIL, FAIL_DONE, STOP };        /* mode */
enum { ONCE, SAME_KIND, ALL };                                 /* persist: which later calls fail as well */
enum kind { NETLINK = 1, FILES, MOUNT, IOCTL, SOCKET, PROCESS };

/* runner.py packs the same fields with struct "<9I". */
static struct control {
    uint32_t mode, at, sub, error, persist, count, fired, fired_kind, log_length;
    char log[LOG_SIZE];
} *control;

static int armed;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULTPOINT_MAP");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    control = map == MAP_FAILED ? NULL : map;
    armed = getenv("FAULTPOINT_ARMED") != NULL;
}

void faultpoint_arm(void) { armed = 1; }
void faultpoint_disarm(void) { armed = 0; }

static int watching(void) { return control && armed; }

static void note(const char *text)
{
    uint32_t length = strlen(text), place = __sync_fetch_and_add(&control->log_length, length);
    if (place + length < LOG_SIZE)
        memcpy(control->log + place, text, length);
    else
        __sync_fetch_and_sub(&control->log_length, length);     /* somebody tries for ever */
}

static void die(void)
{
    for (;;)
        syscall(SYS_kill, 0, SIGKILL);      /* every run is a process group of its own */
}

/* ---- one call ---- */

struct point { int counted, kill_after, fail; };        /* fail: 0, FAIL or FAIL_DONE */

static struct point begin(enum kind kind, int messages, const char *format, ...)
{
    struct point point = {0, 0, 0};
    char text[1400];
    int saved = errno;
    uint32_t number = __sync_add_and_fetch(&control->count, 1);
    int length = snprintf(text, sizeof text, "%u %d %d ", number, kind, messages);
    va_list list;
    va_start(list, format);
    vsnprintf(text + length, sizeof text - length - 1, format, list);
    va_end(list);
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = '?';
    strcat(text, "\n");
    note(text);

    point.counted = 1;
    int here = number == control->at;
    if (control->mode == KILL_BEFORE && here)
        die();
    if (control->mode == STOP && here)
        syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGSTOP);
    point.kill_after = control->mode == KILL_AFTER && here;
    if (control->mode == FAIL || control->mode == FAIL_DONE) {
        int later = control->fired && (control->persist == ALL ||
                                       (control->persist == SAME_KIND && control->fired_kind == (uint32_t)kind));
        if (here || later)
            point.fail = control->mode;
        if (here) {
            control->fired = 1;
            control->fired_kind = kind;
        }
    }
    errno = saved;
    return point;
}

static long finish(struct point point, long result)
{
    if (point.kill_after)
        die();
    return result;
}

static long refuse(void)
{
    errno = control->error;
    return -1;
}

/* Run EXPRESSION as one counted call when CONDITION says that it would change something. */
#define GUARD(kind, condition, expression, ...)                          \
    do {                                                                 \
        if (!watching())                                                 \
            return expression;                                           \
        if (!(condition))                                                \
            return expression;                                           \
        struct point point = begin(kind, 1, __VA_ARGS__);                \
        return point.fail ? refuse() : finish(point, expression);        \
    } while (0)

#define REAL(result, name, parameters)                                   \
    static result (*real) parameters;                                    \
    if (!real)                                                           \
        real = (result (*) parameters)dlsym(RTLD_NEXT, #name)

/* ---- files ---- */

static int exists(int dir, const char *path)
{
    struct stat st;
    return path && syscall(SYS_newfstatat, dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What Ansible and Python themselves leave in temporary places is none of the module's doing. */
static int ours(const char *path)
{
    return path && strncmp(path, "/dev/", 5) && !strstr(path, "/.ansible/") && !strstr(path, "/ansible_") &&
           !strstr(path, "/ansible-") && !strstr(path, "__pycache__") && !strstr(path, "memfd:");
}

static const char *name_of(int fd, char *space, size_t size)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, space, size - 1);
    space[length > 0 ? length : 0] = 0;
    return space;
}

static int regular(int fd, char *space, size_t size)
{
    struct stat st;
    return syscall(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode) && ours(name_of(fd, space, size));
}

static int writes(int dir, const char *path, int flags)
{
    if (!ours(path))
        return 0;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return 1;
    int there = exists(dir, path);
    return (there && (flags & O_TRUNC) && !(flags & O_EXCL)) || (!there && (flags & O_CREAT));
}

#define MODE_ARGUMENT                                                    \
    mode_t mode = 0;                                                     \
    if (flags & (O_CREAT | __O_TMPFILE)) {                               \
        va_list list;                                                    \
        va_start(list, flags);                                           \
        mode = va_arg(list, mode_t);                                     \
        va_end(list);                                                    \
    }

int open(const char *path, int flags, ...)
{
    REAL(int, open, (const char *, int, ...));
    MODE_ARGUMENT
    GUARD(FILES, writes(AT_FDCWD, path, flags), real(path, flags, mode), "open %s 0x%x", path, flags);
}

int open64(const char *path, int flags, ...)
{
    REAL(int, open64, (const char *, int, ...));
    MODE_ARGUMENT
    GUARD(FILES, writes(AT_FDCWD, path, flags), real(path, flags, mode), "open %s 0x%x", path, flags);
}

int openat(int dir, const char *path, int flags, ...)
{
    REAL(int, openat, (int, const char *, int, ...));
    MODE_ARGUMENT
    GUARD(FILES, writes(dir, path, flags), real(dir, path, flags, mode), "open %s 0x%x", path, flags);
}

int openat64(int dir, const char *path, int flags, ...)
{
    REAL(int, openat64, (int, const char *, int, ...));
    MODE_ARGUMENT
    GUARD(FILES, writes(dir, path, flags), real(dir, path, flags, mode), "open %s 0x%x", path, flags);
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, write, (int, const void *, size_t));
    char space[512];
    GUARD(FILES, regular(fd, space, sizeof space), real(fd, data, size), "write %s", space);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    REAL(ssize_t, pwrite64, (int, const void *, size_t, off64_t));
    char space[512];
    GUARD(FILES, regular(fd, space, sizeof space), real(fd, data, size, offset), "pwrite %s", space);
}

/* NAME(int fd, ...) on a regular file */
#define FD_CALL(name, parameters, arguments)                             \
    int name parameters                                                  \
    {                                                                    \
        REAL(int, name, parameters);                                     \
        char space[512];                                                 \
        GUARD(FILES, regular(fd, space, sizeof space), real arguments, #name " %s", space); \
    }

FD_CALL(ftruncate64, (int fd, off64_t size), (fd, size))
FD_CALL(fchmod, (int fd, mode_t mode), (fd, mode))
FD_CALL(fchown, (int fd, uid_t user, gid_t group), (fd, user, group))

/* fsync works on directories too */
int fsync(int fd)
{
    REAL(int, fsync, (int));
    char space[512];
    GUARD(FILES, ours(name_of(fd, space, sizeof space)), real(fd), "fsync %s", space);
}

int fdatasync(int fd)
{
    REAL(int, fdatasync, (int));
    char space[512];
    GUARD(FILES, ours(name_of(fd, space, sizeof space)), real(fd), "fdatasync %s", space);
}

/* NAME(..., path) that needs PATH to be there (REMOVES) or away (CREATES) to do anything */
#define REMOVES(dir, path) (ours(path) && exists(dir, path))
#define CREATES(dir, path) (ours(path) && !exists(dir, path))
#define PATH_CALL(name, parameters, arguments, condition, path)          \
    int name parameters                                                  \
    {                                                                    \
        REAL(int, name, parameters);                                     \
        GUARD(FILES, condition, real arguments, #name " %s", path);      \
    }

PATH_CALL(unlink, (const char *path), (path), REMOVES(AT_FDCWD, path), path)
PATH_CALL(unlinkat, (int dir, const char *path, int flags), (dir, path, flags), REMOVES(dir, path), path)
PATH_CALL(rmdir, (const char *path), (path), REMOVES(AT_FDCWD, path), path)
PATH_CALL(mkdir, (const char *path, mode_t mode), (path, mode), CREATES(AT_FDCWD, path), path)
PATH_CALL(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), CREATES(dir, path), path)
PATH_CALL(mknod, (const char *path, mode_t mode, dev_t dev), (path, mode, dev), CREATES(AT_FDCWD, path), path)
PATH_CALL(mknodat, (int dir, const char *path, mode_t mode, dev_t dev), (dir, path, mode, dev), CREATES(dir, path), path)
PATH_CALL(symlink, (const char *to, const char *path), (to, path), CREATES(AT_FDCWD, path), path)
PATH_CALL(symlinkat, (const char *to, int dir, const char *path), (to, dir, path), CREATES(dir, path), path)
PATH_CALL(link, (const char *from, const char *path), (from, path), exists(AT_FDCWD, from) && CREATES(AT_FDCWD, path), path)
PATH_CALL(linkat, (int one, const char *from, int dir, const char *path, int flags), (one, from, dir, path, flags),
          exists(one, from) && CREATES(dir, path), path)
PATH_CALL(rename, (const char *path, const char *to), (path, to), REMOVES(AT_FDCWD, path), to)
PATH_CALL(renameat, (int dir, const char *path, int other, const char *to), (dir, path, other, to), REMOVES(dir, path), to)
PATH_CALL(renameat2, (int dir, const char *path, int other, const char *to, unsigned int flags),
          (dir, path, other, to, flags), REMOVES(dir, path), to)
PATH_CALL(chmod, (const char *path, mode_t mode), (path, mode), REMOVES(AT_FDCWD, path), path)
PATH_CALL(fchmodat, (int dir, const char *path, mode_t mode, int flags), (dir, path, mode, flags), REMOVES(dir, path), path)
PATH_CALL(chown, (const char *path, uid_t user, gid_t group), (path, user, group), REMOVES(AT_FDCWD, path), path)
PATH_CALL(lchown, (const char *path, uid_t user, gid_t group), (path, user, group), REMOVES(AT_FDCWD, path), path)
PATH_CALL(fchownat, (int dir, const char *path, uid_t user, gid_t group, int flags), (dir, path, user, group, flags),
          REMOVES(dir, path), path)
PATH_CALL(truncate64, (const char *path, off64_t size), (path, size), REMOVES(AT_FDCWD, path), path)

/* ---- mounts, namespaces, devices ---- */

int mount(const char *from, const char *to, const char *type, unsigned long flags, const void *data)
{
    REAL(int, mount, (const char *, const char *, const char *, unsigned long, const void *));
    GUARD(MOUNT, 1, real(from, to, type, flags, data), "mount %s %s 0x%lx", from ? from : "-", to ? to : "-", flags);
}

int umount(const char *path)
{
    REAL(int, umount, (const char *));
    GUARD(MOUNT, 1, real(path), "umount %s", path);
}

int umount2(const char *path, int flags)
{
    REAL(int, umount2, (const char *, int));
    GUARD(MOUNT, 1, real(path, flags), "umount2 %s 0x%x", path, flags);
}

int unshare(int flags)
{
    REAL(int, unshare, (int));
    GUARD(MOUNT, 1, real(flags), "unshare 0x%x", flags);
}

/* TUNSET* are _IOW('T', 200...); SIOCSIF*, SIOCBR* and SIOCSIFNAME are plain numbers. */
static int sets_device(unsigned long request)
{
    if (_IOC_TYPE(request) == 'T' && _IOC_NR(request) >= 200)
        return (_IOC_DIR(request) & _IOC_WRITE) != 0;
    return request == SIOCSIFNAME || (request >= 0x89a0 && request <= 0x89a3) ||
           (request >= 0x8914 && request <= 0x8924 && request % 2 == 0);
}

int ioctl(int fd, unsigned long request, ...)
{
    REAL(int, ioctl, (int, unsigned long, ...));
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    GUARD(IOCTL, sets_device(request), real(fd, request, argument), "ioctl 0x%lx %.15s", request,
          request == 0x400454caul ? (const char *)argument : "");
}

/* ---- processes ---- */

/* What a child does until it is another program is its own business. Programs that are only asked something are
 * started by vfork, as the module subprocess does, and are not counted.
 */
pid_t fork(void)
{
    REAL(pid_t, fork, (void));
    if (!watching())
        return real();
    struct point point = begin(PROCESS, 1, "fork");
    if (point.fail)
        return refuse();
    pid_t pid = real();
    if (pid == 0) {
        armed = 0;
        return 0;
    }
    return finish(point, pid);
}

/* ---- requests to a slirp4netns ---- */

static int changes_forwards(int fd, const void *data, size_t size)
{
    int domain = 0;
    socklen_t length = sizeof domain;
    if (!data || (!memmem(data, size, "add_hostfwd", 11) && !memmem(data, size, "remove_hostfwd", 14)))
        return 0;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

/* ---- netlink ---- */

static const char *route_name(int type)
{
    static const char *const action[] = {"NEW", "DEL", "GET", "SET"};
    static const char *const object[] = {"LINK", "ADDR", "ROUTE", "NEIGH", "RULE", "QDISC", "TCLASS", "TFILTER", "ACTION",
                                         "PREFIX", "MULTICAST", "ANYCAST", "NEIGHTBL", "NDUSEROPT", "ADDRLABEL", "DCB",
                                         "NETCONF", "MDB", "NSID", "STATS", "CACHEREPORT", "CHAIN", "NEXTHOP", "LINKPROP",
                                         "VLAN", "NEXTHOPBUCKET", "TUNNEL"};
    static __thread char text[40];
    unsigned int kind = (type - RTM_BASE) / 4;
    snprintf(text, sizeof text, "RTM_%s%s", action[(type - RTM_BASE) % 4],
             kind < sizeof object / sizeof *object ? object[kind] : "?");
    return text;
}

static int protocol_of(int fd)
{
    int domain = 0, protocol = -1;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_NETLINK)
        return -1;
    size = sizeof protocol;
    return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) ? -1 : protocol;
}

enum { CT_DELETE = 1 << 8 | 2 };             /* linux/netfilter/nfnetlink_conntrack.h */

static int mutating(int protocol, const struct nlmsghdr *message)
{
    if (protocol == NETLINK_ROUTE)
        return message->nlmsg_type >= RTM_BASE && (message->nlmsg_type - RTM_BASE) % 4 != 2;
    if (protocol == NETLINK_NETFILTER)          /* a batch is one transaction: count its beginning */
        return message->nlmsg_type == NLMSG_MIN_TYPE || message->nlmsg_type == CT_DELETE;
    return 0;
}

/* What the message is about, for the log: the link's name or number, the address. */
static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
    int used = snprintf(text, size, " %s", message->nlmsg_type == CT_DELETE ? "CT_DELETE"
                        : message->nlmsg_type >= RTM_BASE ? route_name(message->nlmsg_type) : "BATCH");
    if (message->nlmsg_type <= RTM_SETLINK) {
        const struct ifinfomsg *info = NLMSG_DATA(message);
        int left = IFLA_PAYLOAD(message);
        snprintf(text + used, size - used, "(%d)", info->ifi_index);
        for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
            if (a->rta_type == IFLA_IFNAME)
                snprintf(text + used, size - used, "(%.15s)", (const char *)RTA_DATA(a));
    } else if (message->nlmsg_type == RTM_NEWADDR || message->nlmsg_type == RTM_DELADDR) {
        const struct ifaddrmsg *info = NLMSG_DATA(message);
        snprintf(text + used, size - used, "(if %d v%c)", info->ifa_index, info->ifa_family == AF_INET6 ? '6' : '4');
    } else if (message->nlmsg_type == RTM_NEWROUTE || message->nlmsg_type == RTM_DELROUTE) {
        const struct rtmsg *info = NLMSG_DATA(message);
        snprintf(text + used, size - used, "(/%d v%c)", info->rtm_dst_len, info->rtm_family == AF_INET6 ? '6' : '4');
    }
}

/* Requests whose answer is to be rewritten. */
#define PENDING 4096
static struct { int fd; uint32_t seq; int error; } pending[PENDING];
static unsigned int pending_next, pending_count;

static void expect(int fd, uint32_t seq)
{
    pending[pending_next % PENDING].fd = fd;
    pending[pending_next % PENDING].seq = seq;
    pending[pending_next++ % PENDING].error = control->error;
    pending_count++;
}

static void rewrite(int fd, void *data, long size, int peek)
{
    int left = (int)size;
    for (struct nlmsghdr *m = data; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
        if (m->nlmsg_type == NLMSG_ERROR)
            for (unsigned int i = 0; i < PENDING; i++)
                if (pending[i].error && pending[i].fd == fd && pending[i].seq == m->nlmsg_seq) {
                    ((struct nlmsgerr *)NLMSG_DATA(m))->error = -pending[i].error;
                    if (!peek)
                        pending[i].error = 0;
                }
}

static void forget(int fd)
{
    for (unsigned int i = 0; i < PENDING; i++)
        if (pending[i].fd == fd)
            pending[i].error = 0;
}

/* Spoil the chosen messages of a request. */
static void spoil(int fd, int protocol, void *data, size_t size, int fail, int whole)
{
    int left = (int)size, number = 0;
    for (struct nlmsghdr *m = data; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
        if (!mutating(protocol, m))
            continue;
        if (whole || number >= (int)control->sub) {
            expect(fd, m->nlmsg_seq);
            m->nlmsg_flags |= NLM_F_ACK;
            if (fail == FAIL) {
                m->nlmsg_type = NLMSG_NOOP;
                m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
            }
            if (!whole && control->persist == ONCE)
                return;
        }
        number++;
    }
}

typedef ssize_t (*sender)(int, const struct msghdr *, int);

static ssize_t netlink_send(int fd, const struct msghdr *header, int flags, sender real)
{
    int protocol = watching() ? protocol_of(fd) : -1;
    if (protocol < 0)
        return real(fd, header, flags);

    size_t size = 0, used = 0;
    for (size_t i = 0; i < header->msg_iovlen; i++)
        size += header->msg_iov[i].iov_len;
    char *flat = malloc(size + 1), text[1200] = "";
    for (size_t i = 0; i < header->msg_iovlen; i++) {
        memcpy(flat + used, header->msg_iov[i].iov_base, header->msg_iov[i].iov_len);
        used += header->msg_iov[i].iov_len;
    }
    int left = (int)size, messages = 0;
    for (struct nlmsghdr *m = (void *)flat; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
        if (mutating(protocol, m)) {
            messages++;
            size_t length = strlen(text);
            if (length < sizeof text - 80)
                describe(m, text + length, sizeof text - length);
        }
    ssize_t result;
    if (!messages) {
        result = real(fd, header, flags);
    } else {
        struct point point = begin(NETLINK, messages, "netlink%s", text);
        if (point.fail && protocol == NETLINK_NETFILTER) {
            result = refuse();
        } else if (point.fail) {
            int first = control->count == control->at;
            spoil(fd, protocol, flat, size, point.fail, !first);
            struct iovec one = {flat, size};
            struct msghdr copy = *header;
            copy.msg_iov = &one;
            copy.msg_iovlen = 1;
            result = real(fd, &copy, flags);
        } else {
            result = finish(point, real(fd, header, flags));
        }
    }
    free(flat);
    return result;
}

ssize_t sendmsg(int fd, const struct msghdr *header, int flags)
{
    REAL(ssize_t, sendmsg, (int, const struct msghdr *, int));
    return netlink_send(fd, header, flags, real);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length)
{
    REAL(ssize_t, sendmsg, (int, const struct msghdr *, int));
    struct iovec one = {(void *)data, size};
    struct msghdr header = {.msg_name = (void *)address, .msg_namelen = length, .msg_iov = &one, .msg_iovlen = 1};
    if (watching() && changes_forwards(fd, data, size))
        GUARD(SOCKET, 1, real(fd, &header, flags), "socket %.*s", size < 400 ? (int)size : 400, (const char *)data);
    return netlink_send(fd, &header, flags, real);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    return sendto(fd, data, size, flags, NULL, 0);
}

static ssize_t netlink_received(int fd, void *data, size_t size, ssize_t result, int flags)
{
    if (pending_count && result > 0)
        rewrite(fd, data, result < (ssize_t)size ? result : (ssize_t)size, flags & MSG_PEEK);
    return result;
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    REAL(ssize_t, recv, (int, void *, size_t, int));
    return netlink_received(fd, data, size, real(fd, data, size, flags), flags);
}

ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    (void)room;
    return recv(fd, data, size, flags);
}

ssize_t recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *address, socklen_t *length)
{
    REAL(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *));
    return netlink_received(fd, data, size, real(fd, data, size, flags, address, length), flags);
}

ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t room, int flags, struct sockaddr *address, socklen_t *length)
{
    (void)room;
    return recvfrom(fd, data, size, flags, address, length);
}

ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
    REAL(ssize_t, recvmsg, (int, struct msghdr *, int));
    ssize_t result = real(fd, header, flags);
    if (header->msg_iovlen)
        netlink_received(fd, header->msg_iov[0].iov_base, header->msg_iov[0].iov_len, result, flags);
    return result;
}

int close(int fd)
{
    REAL(int, close, (int));
    if (pending_count)
        forget(fd);
    return real(fd);
}
