/* The settings file, through libinih. That one tells nobody the number of a
 * line, takes what is too long for it in pieces, and takes an indented line for
 * more of the value above: so it gets its lines from here, one at a time, each
 * without its indentation, and what it would garble ends the reading. */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/settings/settings.h"

struct reader {
    struct settings *settings;
    const char *path;
    FILE *file;
    int line;
    size_t bytes;
    struct err *err;
    int code; /* of the first error */
};

static int fail(struct reader *reader, const char *text)
{
    if (reader->code == 0)
        reader->code = err_set(reader->err, ERR_USAGE, "%s:%d: %s", reader->path, reader->line,
                               text);
    return reader->code;
}

char *settings_default_path(void)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (config != NULL && config[0] == '/')
        return mem_printf("%s/bilge/bilge.conf", config);
    if (home != NULL && home[0] == '/')
        return mem_printf("%s/.config/bilge/bilge.conf", home);
    return NULL;
}

/* ------------------------------------------------------------------- lines */

static bool is_control(int byte)
{
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

/* The next byte; a line may also end as on DOS. */
static int next_byte(FILE *file)
{
    int byte = getc(file);
    if (byte != '\r')
        return byte;
    int after = getc(file);
    if (after == '\n')
        return after;
    ungetc(after, file);
    return byte;
}

/* A section without a setting in it is not reported by libinih. */
static void check_section(struct reader *reader, const char *line)
{
    size_t len = strcspn(line + 1, "]");
    char *section = mem_strndup(line + 1, len);
    if (line[1 + len] == ']' && !settings_has_section(section)) {
        struct buf text = {0};
        buf_printf(&text, "there is no section [%s]", section);
        fail(reader, text.data);
        buf_done(&text);
    }
    free(section);
}

static size_t skip_mark(const struct reader *reader, const char *line)
{
    static const char mark[] = "\xef\xbb\xbf"; /* UTF-8 that says so */
    return reader->line == 1 && strncmp(line, mark, 3) == 0 ? 3 : 0;
}

/* libinih's reader: one line into text[size], NULL at the end. */
static char *next_line(char *text, int size, void *arg)
{
    struct reader *reader = arg;
    size_t len = 0;
    int byte = EOF;
    if (reader->code != 0)
        return NULL;
    reader->line++;
    while ((byte = next_byte(reader->file)) != EOF && byte != '\n') {
        if (++reader->bytes > SETTINGS_FILE_MAX)
            return fail(reader, "the file is too large"), NULL;
        if (is_control(byte))
            return fail(reader, "there is a control character"), NULL;
        if (len == 0 && (byte == ' ' || byte == '\t'))
            continue;
        if (len + 1 >= (size_t)size || len >= SETTINGS_LINE_MAX)
            return fail(reader, "the line is too long"), NULL;
        text[len++] = (char)byte;
    }
    if (byte == EOF && ferror(reader->file)) {
        reader->code = err_sys(reader->err, -errno, "reading the settings from %s", reader->path);
        return NULL;
    }
    if (byte == EOF && len == 0)
        return NULL;
    text[len] = '\0';
    reader->bytes++;
    const char *start = text + skip_mark(reader, text);
    if (*start == '[')
        check_section(reader, start);
    return text;
}

/* ------------------------------------------------------------------ values */

static void unknown(struct reader *reader, const char *section, const char *name)
{
    struct buf text = {0};
    size_t count = 0;
    buf_printf(&text, "there is no setting \"%s\"%s%s%s (there are: ", name,
               section[0] != '\0' ? " in [" : " before the first section", section,
               section[0] != '\0' ? "]" : "");
    for (size_t i = 0; i < settings_table_len; i++)
        if (strcmp(settings_table[i].section, section) == 0)
            buf_printf(&text, "%s%s", count++ > 0 ? ", " : "", settings_table[i].name);
    buf_append_str(&text, ")");
    fail(reader, text.data);
    buf_done(&text);
}

static int on_value(void *arg, const char *section, const char *name, const char *value)
{
    struct reader *reader = arg;
    if (reader->code != 0)
        return 0;
    const struct setting *setting = settings_find(section, name);
    struct err reason;
    if (setting == NULL)
        unknown(reader, section, name);
    else if (settings_set(reader->settings, setting, value, &reason) < 0)
        fail(reader, reason.text);
    return reader->code == 0;
}

/* -------------------------------------------------------------------- file */

int settings_parse(struct settings *settings, FILE *file, const char *path, struct err *err)
{
    struct reader reader = {.settings = settings, .path = path, .file = file, .err = err};
    int line = ini_parse_stream(next_line, &reader, on_value, &reader);
    /* It goes on after a line that it does not understand, and names the first. */
    if (line > 0 && (reader.code == 0 || line < reader.line)) {
        reader.code = 0;
        reader.line = line;
        fail(&reader, "this is neither \"name = value\" nor a [section]");
    } else if (line < 0 && reader.code == 0) {
        reader.code = err_set(err, -ENOMEM, "reading %s: out of memory", path);
    }
    return reader.code;
}

static bool is_null_device(const struct stat *stat_of)
{
    struct stat null;
    return S_ISCHR(stat_of->st_mode) && stat("/dev/null", &null) == 0 &&
           null.st_rdev == stat_of->st_rdev;
}

/* No FIFO that nobody writes into, no device without an end. */
static int open_file(const char *path, FILE **ret_file)
{
    struct stat stat_of;
    int code = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &stat_of) < 0)
        code = -errno;
    else if (!S_ISREG(stat_of.st_mode) && !is_null_device(&stat_of))
        code = ERR_UNSUPPORTED;
    if (code == 0 && (*ret_file = fdopen(fd, "r")) == NULL)
        code = -errno;
    if (code < 0)
        close(fd);
    return code;
}

/* Somebody else's home, which we may not look into, has no settings of ours. */
static bool is_absent(const char *path, int code)
{
    struct stat stat_of;
    return code == -ENOENT || code == -ENOTDIR ||
           (code == -EACCES && lstat(path, &stat_of) < 0 && errno == EACCES);
}

int settings_read(struct settings *settings, const char *path, bool must_exist, bool *ret_found,
                  struct err *err)
{
    FILE *file = NULL;
    int code = open_file(path, &file);
    if (ret_found != NULL)
        *ret_found = code == 0;
    if (code < 0 && !must_exist && is_absent(path, code))
        return 0;
    if (code == ERR_UNSUPPORTED)
        return err_set(err, code, "reading the settings from %s: not a file", path);
    if (code < 0)
        return err_sys(err, code, "reading the settings from %s", path);
    code = settings_parse(settings, file, path, err);
    fclose(file);
    return code;
}
