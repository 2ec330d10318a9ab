#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"

/* The one process-wide state of core: where notes go. -1 is nowhere. */
static atomic_int log_fd = -1;

int log_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    log_close();
    atomic_store(&log_fd, fd);
    return 0;
}

void log_close(void)
{
    int fd = atomic_exchange(&log_fd, -1);
    if (fd >= 0)
        close(fd);
}

void log_note(const char *format, ...)
{
    int fd = atomic_load(&log_fd);
    if (fd < 0)
        return;
    char line[1024], now[CLOCK_TEXT_SIZE];
    int len = snprintf(line, sizeof line, "%s %d ", clock_rfc3339(now, clock_now()), getpid());
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + len, sizeof line - (size_t)len - 1, format, args);
    va_end(args);
    len += more < 0 ? 0 : more;
    if ((size_t)len > sizeof line - 2)
        len = (int)sizeof line - 2;
    line[len++] = '\n';
    /* A log that can't be written must not stop anything. */
    ssize_t written = write(fd, line, (size_t)len);
    (void)written;
}
