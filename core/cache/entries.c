#include "core/cache/entries.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

#ifdef __linux__

int entries_read(struct entries_reader *reader, struct entries *ret_entries)
{
    ssize_t got;
    do
        got = getdents64(reader->fd, ret_entries->data, sizeof ret_entries->data);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got < 0 ? -errno : 0;
    ret_entries->len = (size_t)got;
    ret_entries->pos = 0;
    return 1;
}

void entries_stop(struct entries_reader *reader)
{
    (void)reader;
}

bool entries_next(struct entries *entries, struct entry *ret_entry)
{
    while (entries->pos < entries->len) {
        const struct dirent64 *record = (const void *)(entries->data + entries->pos);
        entries->pos += record->d_reclen;
        if (is_dots(record->d_name))
            continue;
        ret_entry->name = record->d_name;
        ret_entry->ino = record->d_ino;
        ret_entry->type = fs_type_of_entry(record->d_type);
        return true;
    }
    return false;
}

#else

struct record {
    uint64_t ino;
    uint16_t size; /* of the record, a multiple of 8 */
    uint8_t type;
    char name[];
};

static int open_stream(struct entries_reader *reader)
{
    int copy, code = fs_open_again(reader->fd, &copy);
    if (code < 0)
        return code;
    reader->stream = fdopendir(copy);
    if (reader->stream != NULL)
        return 0;
    code = -errno;
    close(copy);
    return code;
}

int entries_read(struct entries_reader *reader, struct entries *ret_entries)
{
    int code = reader->stream == NULL ? open_stream(reader) : 0;
    if (code < 0)
        return code;
    size_t len = 0;
    errno = 0;
    while (len + sizeof(struct record) + NAME_MAX + 8 <= sizeof ret_entries->data) {
        struct dirent *found = readdir(reader->stream);
        if (found == NULL)
            break;
        size_t name_size = strlen(found->d_name) + 1;
        struct record *record = (void *)(ret_entries->data + len);
        record->ino = found->d_ino;
        record->type = found->d_type;
        record->size = (uint16_t)((sizeof *record + name_size + 7) & ~(size_t)7);
        memcpy(record->name, found->d_name, name_size);
        len += record->size;
    }
    ret_entries->len = len;
    ret_entries->pos = 0;
    code = len > 0 ? 1 : -errno;
    if (len == 0)
        entries_stop(reader);
    return code;
}

void entries_stop(struct entries_reader *reader)
{
    if (reader->stream != NULL)
        closedir(reader->stream);
    reader->stream = NULL;
}

bool entries_next(struct entries *entries, struct entry *ret_entry)
{
    while (entries->pos < entries->len) {
        const struct record *record = (const void *)(entries->data + entries->pos);
        entries->pos += record->size;
        if (is_dots(record->name))
            continue;
        ret_entry->name = record->name;
        ret_entry->ino = record->ino;
        ret_entry->type = fs_type_of_entry(record->type);
        return true;
    }
    return false;
}

#endif

int entry_stat(int dirfd, const char *name, struct fs_stat *ret_stat)
{
    return fs_look(dirfd, name, ret_stat);
}
