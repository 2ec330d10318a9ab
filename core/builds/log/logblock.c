#include "core/builds/log/logblock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"

size_t logblock_size(uint32_t room)
{
    return sizeof(struct logblock) + room;
}

size_t logblock_filed_size(uint32_t room)
{
    return logblock_size(room) - offsetof(struct logblock, number);
}

static void place_index(struct logblock *block, uint32_t room)
{
    block->room = room;
    block->top = (struct logblock_entry *)(void *)(block->text + room);
}

struct logblock *logblock_new(uint32_t room)
{
    struct logblock *block = mem_zalloc(logblock_size(room));
    place_index(block, room);
    block->refs = 1;
    return block;
}

struct logblock *logblock_ref(struct logblock *block)
{
    block->refs++;
    return block;
}

void logblock_unref(struct logblock *block)
{
    if (block != NULL && --block->refs == 0)
        free(block);
}

void logblock_clear(struct logblock *block, uint64_t number, uint64_t first)
{
    block->number = number;
    block->first = first;
    block->lines = 0;
    block->used = 0;
}

bool logblock_wake(struct logblock *block, uint32_t room)
{
    bool sound = block->room == room && block->used <= room &&
                 block->lines <= (room - block->used) / sizeof(struct logblock_entry);
    place_index(block, room);
    block->refs = 1;
    for (uint32_t i = 0, before = 0; i < block->lines && sound; i++) {
        uint32_t end = logblock_end(block, i);
        sound = end > before && end <= block->used &&
                block->top[-1 - (ptrdiff_t)i].decimals <= LOGLINE_DECIMALS_MAX;
        before = end;
    }
    return sound;
}

/* ------------------------------------------------------------------ adding */

static size_t room_in(const struct logblock *block)
{
    return block->room - block->used - block->lines * sizeof(struct logblock_entry);
}

size_t logblock_add(struct logblock *block, const struct buildlog_line *lines, size_t count)
{
    size_t room = room_in(block), taken = 0;
    char *text = block->text + block->used;
    struct logblock_entry *entry = &block->top[-(ptrdiff_t)block->lines];
    for (; taken < count; taken++) {
        const struct buildlog_line *line = &lines[taken];
        size_t need = line->len + 1 + sizeof *entry;
        if (need > room)
            break;
        room -= need;
        if (line->len > 0)
            memcpy(text, line->text, line->len);
        text[line->len] = '\n';
        text += line->len + 1;
        *--entry = (struct logblock_entry){
            .end = (uint32_t)(text - block->text),
            .time = line->time,
            .step = (uint16_t)line->step,
            .number = (uint16_t)line->number,
            .stream = (uint8_t)line->stream,
            .kind = (uint8_t)line->kind,
            .decimals = (uint8_t)line->decimals,
        };
    }
    block->used = (uint32_t)(text - block->text);
    block->lines += (uint32_t)taken;
    return taken;
}

/* ----------------------------------------------------------------- reading */

struct buildlog_line logblock_line(const struct logblock *block, uint32_t line)
{
    const struct logblock_entry *entry = &block->top[-1 - (ptrdiff_t)line];
    uint32_t start = logblock_start(block, line);
    return (struct buildlog_line){
        .text = block->text + start,
        .len = entry->end - start - 1,
        .step = entry->step,
        .number = entry->number,
        .stream = entry->stream,
        .kind = (enum log_kind)entry->kind,
        .time = entry->time,
        .decimals = entry->decimals,
    };
}

uint32_t logblock_line_at(const struct logblock *block, uint32_t lines, uint32_t byte)
{
    uint32_t low = 0, high = lines;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (logblock_start(block, middle) <= byte)
            low = middle;
        else
            high = middle;
    }
    return low;
}

#define PREFIX ".bilge-log-"
#define PLACEHOLDER "XXXXXX"

/* Where the file system knows no files without a name, one is made that nobody
 * can guess, and its name taken away at once. */
static int open_nameless(const char *directory)
{
#ifdef O_TMPFILE
    int fd = open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
#else
    int fd;
#endif
    logfile_sweep(directory);
    char *path = mem_printf("%s/" PREFIX PLACEHOLDER, directory);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

/* Others may be about to take a name away themselves: that is no harm. */
static int sweep_one(void *arg, const char *name, enum fs_type type)
{
    const int *fd = arg;
    struct fs_stat seen;
    (void)type;
    if (strncmp(name, PREFIX, strlen(PREFIX)) == 0 && strlen(name) == strlen(PREFIX PLACEHOLDER) &&
        fs_stat_at(*fd, name, &seen, NULL) == 0 && seen.type == FS_FILE && seen.uid == geteuid())
        unlinkat(*fd, name, 0);
    return 0;
}

void logfile_sweep(const char *directory)
{
    int fd;
    if (fs_open_root(directory, &fd, NULL) < 0)
        return;
    fs_each(fd, sweep_one, &fd, NULL);
    close(fd);
}

int logfile_open(const char *directory, size_t slot_bytes, struct logfile **ret_file,
                 struct err *err)
{
    mkdir(directory, 0700);
    int fd = open_nameless(directory);
    if (fd < 0)
        return err_sys(err, -errno, "opening a file in %s", directory);
    *ret_file = mem_alloc(sizeof **ret_file);
    **ret_file = (struct logfile){.fd = fd, .slot_bytes = slot_bytes, .refs = 1};
    return 0;
}

struct logfile *logfile_ref(struct logfile *file)
{
    file->refs++;
    return file;
}

void logfile_unref(struct logfile *file)
{
    if (file == NULL || --file->refs > 0)
        return;
    close(file->fd);
    free(file);
}

uint64_t logfile_slots(size_t slot_bytes)
{
    uint64_t slots = (uint64_t)LOGFILE_MAX_BYTES / slot_bytes;
    return slots < LOGFILE_MAX_SLOTS ? slots : LOGFILE_MAX_SLOTS;
}

static off_t place_of(const struct logfile *file, uint64_t slot)
{
    return (off_t)(slot * file->slot_bytes);
}

static int write_all(const struct logfile *file, off_t place, const void *data)
{
    for (size_t done = 0; done < file->slot_bytes;) {
        ssize_t written = pwrite(file->fd, (const char *)data + done, file->slot_bytes - done,
                                 place + (off_t)done);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            done += (size_t)written;
    }
    return 0;
}

int logfile_write(const struct logfile *file, uint64_t slot, bool grows, const void *data)
{
    struct fs_space space;
    off_t place = place_of(file, slot);
    if (grows && fs_space(file->fd, &space, NULL) == 0 && space.free_bytes < LOGFILE_SPARE_BYTES)
        return -ENOSPC;
    int code = write_all(file, place, data);
    if (code < 0 && grows && ftruncate(file->fd, place) != 0)
        return -errno;
    return code;
}

int logfile_read(const struct logfile *file, uint64_t slot, void *data)
{
    off_t place = place_of(file, slot);
    for (size_t done = 0; done < file->slot_bytes;) {
        ssize_t got =
            pread(file->fd, (char *)data + done, file->slot_bytes - done, place + (off_t)done);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return -EIO;
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}
