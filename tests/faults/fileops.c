/* Counts a process's file operations below a folder, and at the n-th kills or stops the process or makes the operation fail.
 *
 * Preloaded; does nothing until fileops_arm(root, at, when, error) is called, so that a test forks first and arms the child.
 * when: 0 only counts, 1 kills before the operation, 2 kills after it, 3 makes it fail with `error`, 4 stops before it.
 * fileops_count() is how many there were. Operations: opening for writing, write and its like, fsync, ftruncate, rename,
 * link, symlink, unlink, mkdir, rmdir; of streams of the C library fwrite, since their writes stay inside of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char root[PATH_MAX];
static long at, seen;
static int when, error, armed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int busy;

void fileops_arm(const char *folder, long n, int mode, int number) {
    snprintf(root, sizeof root, "%s", folder);
    at = n, when = mode, error = number, seen = 0, armed = 1;
}
long fileops_count(void) { return seen; }

static int below(int folder, const char *path) {
    char whole[2 * PATH_MAX], link[64];
    if (!path) return 0;
    if (path[0] == '/') {
        snprintf(whole, sizeof whole, "%s", path);
    } else {
        ssize_t n = 0;
        if (folder == AT_FDCWD) {
            if (!getcwd(whole, PATH_MAX)) return 0;
            n = strlen(whole);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            n = readlink(link, whole, PATH_MAX);
            if (n < 0) return 0;
        }
        snprintf(whole + n, sizeof whole - n, "/%s", path);
    }
    size_t size = strlen(root);
    return !strncmp(whole, root, size) && (whole[size] == '/' || !whole[size]);
}
static int below_fd(int fd) {
    char link[64], whole[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, whole, sizeof whole - 1);
    if (n < 0) return 0;
    whole[n] = 0;
    return below(AT_FDCWD, whole);
}
/* 1: this is the n-th operation, and it shall fail. */
static int before(int ours) {
    if (!armed || busy || !ours) return 0;
    busy = 1;
    pthread_mutex_lock(&lock);
    long number = ++seen;
    pthread_mutex_unlock(&lock);
    busy = 0;
    if (number != at) return 0;
    if (when == 1) kill(getpid(), SIGKILL);
    if (when == 4) kill(getpid(), SIGSTOP);
    if (when == 3) { errno = error; return 1; }
    return 0;
}
static void after(int ours) {
    if (armed && ours && !busy && when == 2 && seen >= at) {
        int kept = errno;
        kill(getpid(), SIGKILL);
        errno = kept;
    }
}
#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define CALL(type, ours, fail, call) do { \
    int mine = armed && !busy ? (ours) : 0; \
    if (before(mine)) return fail; \
    type result = call; \
    after(mine); \
    return result; } while (0)
#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY || ((flags) & (O_CREAT | O_TRUNC)))

#define OPEN(name, symbol) int name(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    REAL(int, symbol, const char *, int, mode_t); \
    CALL(int, WRITES(flags) && below(AT_FDCWD, path), -1, real(path, flags, mode)); }
OPEN(open, "open")
OPEN(open64, "open64")
#define OPENAT(name, symbol) int name(int folder, const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    REAL(int, symbol, int, const char *, int, mode_t); \
    CALL(int, WRITES(flags) && below(folder, path), -1, real(folder, path, flags, mode)); }
OPENAT(openat, "openat")
OPENAT(openat64, "openat64")
#define FOPEN(name, symbol) FILE *name(const char *path, const char *mode) { \
    REAL(FILE *, symbol, const char *, const char *); \
    CALL(FILE *, strpbrk(mode, "wa+") && below(AT_FDCWD, path), NULL, real(path, mode)); }
FOPEN(fopen, "fopen")
FOPEN(fopen64, "fopen64")

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    CALL(ssize_t, below_fd(fd), -1, real(fd, data, size));
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    CALL(ssize_t, below_fd(fd), -1, real(fd, data, size, place));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    CALL(ssize_t, below_fd(fd), -1, real(fd, parts, count));
}
ssize_t sendfile64(int to, int from, off64_t *place, size_t size) {
    REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
    CALL(ssize_t, below_fd(to), -1, real(to, from, place, size));
}
ssize_t sendfile(int to, int from, off_t *place, size_t size) {
    REAL(ssize_t, "sendfile", int, int, off_t *, size_t);
    CALL(ssize_t, below_fd(to), -1, real(to, from, place, size));
}
ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t size, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    CALL(ssize_t, below_fd(to), -1, real(from, a, to, b, size, flags));
}
size_t fwrite(const void *data, size_t size, size_t count, FILE *stream) {
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    CALL(size_t, below_fd(fileno(stream)), 0, real(data, size, count, stream));
}
int fsync(int fd) { REAL(int, "fsync", int); CALL(int, below_fd(fd), -1, real(fd)); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); CALL(int, below_fd(fd), -1, real(fd)); }
int ftruncate(int fd, off_t size) { REAL(int, "ftruncate", int, off_t); CALL(int, below_fd(fd), -1, real(fd, size)); }
int ftruncate64(int fd, off64_t size) { REAL(int, "ftruncate64", int, off64_t); CALL(int, below_fd(fd), -1, real(fd, size)); }
int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    CALL(int, below(AT_FDCWD, to), -1, real(from, to));
}
int renameat(int a, const char *from, int b, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    CALL(int, below(b, to), -1, real(a, from, b, to));
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    if (armed && getenv("FILEOPS_NO_EXCHANGE") && flags) { errno = EINVAL; return -1; }
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    CALL(int, below(b, to), -1, real(a, from, b, to, flags));
}
int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    CALL(int, below(AT_FDCWD, to), -1, real(from, to));
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    CALL(int, below(b, to), -1, real(a, from, b, to, flags));
}
int symlink(const char *target, const char *path) {
    REAL(int, "symlink", const char *, const char *);
    CALL(int, below(AT_FDCWD, path), -1, real(target, path));
}
int unlink(const char *path) { REAL(int, "unlink", const char *); CALL(int, below(AT_FDCWD, path), -1, real(path)); }
int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    CALL(int, below(folder, path), -1, real(folder, path, flags));
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    CALL(int, below(AT_FDCWD, path), -1, real(path, mode));
}
int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    CALL(int, below(folder, path), -1, real(folder, path, mode));
}
int rmdir(const char *path) { REAL(int, "rmdir", const char *); CALL(int, below(AT_FDCWD, path), -1, real(path)); }
