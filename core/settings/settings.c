#include "core/settings/settings.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "core/base/text.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define DAY (INT64_C(24) * 3600)
#define SLOT(member) offsetof(struct settings, member)

static const char *const notices[] = {"none", "bell", "osc9", "both", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};

/* The order is that of the listing and of the manual. */
const struct setting settings_table[] = {
    {"", "cache-root", SETTING_DIRECTORIES, SLOT(cache_roots), 0, 0, NULL, NULL,
     "/tmp/docker-cache",
     "A directory that holds cache directories, as --cache-root; without one the project says"},
    {"", "abandoned-after", SETTING_AGE, SLOT(abandoned_after), 1, 520 * 7 * DAY, NULL, "30d", NULL,
     "A cache that no project names is abandoned when nothing was written to it for so long"},
    {"disk", "amber", SETTING_LEVEL, SLOT(disk_amber), 0, 0, NULL, "85%", NULL,
     "A disk is getting full: so much of it is used, or (a size) less is free"},
    {"disk", "red", SETTING_LEVEL, SLOT(disk_red), 0, 0, NULL, "95%", NULL,
     "A disk is as good as full; goes before amber"},
    {"build", "args", SETTING_ASSIGNMENTS, SLOT(build_args), 0, 0, NULL, NULL, "RUST_LOG=info",
     "A build argument, as --build-arg"},
    {"build", "profiles", SETTING_WORDS, SLOT(build_profiles), 0, 0, NULL, NULL, "dev",
     "A profile of the compose project that builds include, as compose's --profile"},
    {"build", "pull", SETTING_FLAG, SLOT(build_pull), 0, 0, NULL, "no", NULL,
     "Builds look for newer base images"},
    {"build", "no-cache", SETTING_FLAG, SLOT(build_no_cache), 0, 0, NULL, "no", NULL,
     "Builds run every step anew"},
    {"build", "parallel", SETTING_COUNT, SLOT(build_parallel), 1, 16, NULL, "1", NULL,
     "So many builds run at once; others wait for their turn"},
    {"build", "notify", SETTING_CHOICE, SLOT(build_notify), 0, 0, notices, "none", NULL,
     "At a build's end: the terminal's bell, a notice (OSC 9), or both"},
    {"log", "memory", SETTING_SIZE, SLOT(log_memory), MIB, 4 * GIB, NULL, "64MiB", NULL,
     "What a build's log takes of memory; older lines go to a file"},
    {"guard", "keep-free", SETTING_SIZE, SLOT(guard_keep_free), 1, INT64_MAX, NULL, NULL, "10GB",
     "So much is to stay free, as --keep-free of bilge guard"},
    {"guard", "interval", SETTING_AGE, SLOT(guard_interval), 1, 7 * DAY, NULL, "5m", NULL,
     "The guard looks so often"},
    {"guard", "older-than", SETTING_AGE, SLOT(guard_older_than), 1, 520 * 7 * DAY, NULL, NULL,
     "24h", "The guard takes only what was used longer ago"},
    {"ui", "color", SETTING_CHOICE, SLOT(ui_color), 0, 0, colors, "auto", NULL,
     "Colours: auto goes by NO_COLOR"},
    {"ui", "ascii", SETTING_FLAG, SLOT(ui_ascii), 0, 0, NULL, "no", NULL,
     "The screen in plain ASCII"},
    {"ui", "mouse", SETTING_FLAG, SLOT(ui_mouse), 0, 0, NULL, "yes", NULL,
     "The screen takes the mouse"},
};
const size_t settings_table_len = sizeof settings_table / sizeof settings_table[0];

static void *slot_of(const struct settings *settings, const struct setting *setting)
{
    return (char *)settings + setting->offset;
}

static uint64_t bit_of(const struct setting *setting)
{
    return UINT64_C(1) << (setting - settings_table);
}

bool setting_is_list(const struct setting *setting)
{
    return setting->kind >= SETTING_DIRECTORIES;
}

char *setting_name(const struct setting *setting)
{
    return mem_printf("%s%s%s", setting->section, setting->section[0] != '\0' ? "." : "",
                      setting->name);
}

const struct setting *settings_find(const char *section, const char *name)
{
    for (size_t i = 0; i < settings_table_len; i++)
        if (strcmp(settings_table[i].section, section) == 0 &&
            strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    return NULL;
}

bool settings_has_section(const char *section)
{
    for (size_t i = 0; i < settings_table_len; i++)
        if (strcmp(settings_table[i].section, section) == 0)
            return true;
    return false;
}

bool settings_is_given(const struct settings *settings, const struct setting *setting)
{
    return (settings->given & bit_of(setting)) != 0;
}

/* ------------------------------------------------- text to value, by kind */

static void add(struct settings_list *list, char *takes)
{
    mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
    list->items[list->len++] = takes;
}

static bool parse_flag(const char *text, bool *ret_flag)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *ret_flag = i % 2 == 1;
            return true;
        }
    return false;
}

static bool parse_choice(const struct setting *setting, const char *text, int *ret_choice)
{
    for (int i = 0; setting->choices[i] != NULL; i++)
        if (strcasecmp(text, setting->choices[i]) == 0) {
            *ret_choice = i;
            return true;
        }
    return false;
}

static bool parse_number(const struct setting *setting, const char *text, int64_t *ret_number)
{
    if (setting->kind == SETTING_SIZE)
        return text_parse_size(text, ret_number);
    if (setting->kind == SETTING_AGE)
        return text_parse_age(text, ret_number);
    char *end;
    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && *text >= '0' && *text <= '9';
}

/* NULL: it is none. */
static char *parse_directory(const char *text)
{
    const char *home = getenv("HOME");
    if (text[0] == '/')
        return mem_strdup(text);
    if (text[0] == '~' && (text[1] == '/' || text[1] == '\0') && home != NULL && home[0] == '/')
        return mem_printf("%s%s", home, text + 1);
    return NULL;
}

/* What docker takes for a name: it must not look like an option. */
static bool is_word(const char *text)
{
    return text[0] != '\0' && text[0] != '-' && strpbrk(text, " \t") == NULL;
}

static bool is_assignment(const char *text)
{
    size_t len = strcspn(text, "= \t");
    return len > 0 && text[0] != '-' && text[len] == '=';
}

static char *refusal(const struct setting *setting, const char *text)
{
    struct buf choices = {0};
    switch (setting->kind) {
    case SETTING_FLAG:
        return mem_printf("\"%s\" is not yes or no", text);
    case SETTING_COUNT:
        return mem_printf("\"%s\" is not a number", text);
    case SETTING_SIZE:
        return text_size_refusal(text);
    case SETTING_AGE:
        return text_age_refusal(text);
    case SETTING_LEVEL:
        return level_refusal(text);
    case SETTING_DIRECTORIES:
        return mem_printf("\"%s\" is not an absolute path", text);
    case SETTING_WORDS:
        return mem_printf("\"%s\" is not a name", text);
    case SETTING_ASSIGNMENTS:
        return mem_printf("\"%s\" is not NAME=value", text);
    default:
        buf_printf(&choices, "\"%s\" is not one of ", text);
        setting_append_form(setting, &choices);
        return buf_take(&choices);
    }
}

static int refuse(const struct setting *setting, const char *text, struct err *err)
{
    char *name = setting_name(setting), *reason = refusal(setting, text);
    err_set(err, ERR_USAGE, "%s: %s", name, reason);
    free(reason);
    free(name);
    return ERR_USAGE;
}

static int set_number(const struct setting *setting, const char *text, int64_t *slot,
                      struct err *err)
{
    int64_t number;
    if (!parse_number(setting, text, &number))
        return refuse(setting, text, err);
    if (number < setting->min || number > setting->max) {
        char *name = setting_name(setting);
        err_set(err, ERR_USAGE, "%s: \"%s\" is too %s", name, text,
                number < setting->min ? "small" : "large");
        free(name);
        return ERR_USAGE;
    }
    *slot = number;
    return 0;
}

static int set_item(const struct setting *setting, const char *text, struct settings_list *list,
                    struct err *err)
{
    char *item = NULL;
    if (setting->kind == SETTING_DIRECTORIES)
        item = parse_directory(text);
    else if (setting->kind == SETTING_WORDS ? is_word(text) : is_assignment(text))
        item = mem_strdup(text);
    if (item == NULL)
        return refuse(setting, text, err);
    add(list, item);
    return 0;
}

static int set(struct settings *settings, const struct setting *setting, const char *text,
               struct err *err)
{
    void *slot = slot_of(settings, setting);
    switch (setting->kind) {
    case SETTING_FLAG:
        return parse_flag(text, slot) ? 0 : refuse(setting, text, err);
    case SETTING_CHOICE:
        return parse_choice(setting, text, slot) ? 0 : refuse(setting, text, err);
    case SETTING_LEVEL:
        return threshold_parse(text, slot) ? 0 : refuse(setting, text, err);
    case SETTING_COUNT:
    case SETTING_SIZE:
    case SETTING_AGE:
        return set_number(setting, text, slot, err);
    default:
        return set_item(setting, text, slot, err);
    }
}

int settings_set(struct settings *settings, const struct setting *setting, const char *text,
                 struct err *err)
{
    int code = 0;
    char *name = setting_name(setting);
    if (text[0] == '\0')
        code = err_set(err, ERR_USAGE, "%s: the value is empty", name);
    else if (settings_is_given(settings, setting) && !setting_is_list(setting))
        code = err_set(err, ERR_USAGE, "%s is given twice", name);
    else
        code = set(settings, setting, text, err);
    if (code == 0)
        settings->given |= bit_of(setting);
    free(name);
    return code;
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){0};
    assert(settings_table_len <= 64);
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *setting = &settings_table[i];
        int code = setting->fallback != NULL ? set(settings, setting, setting->fallback, NULL) : 0;
        assert(code == 0);
        (void)code;
    }
}

void settings_done(struct settings *settings)
{
    for (size_t i = 0; i < settings_table_len; i++) {
        if (!setting_is_list(&settings_table[i]))
            continue;
        struct settings_list *list = slot_of(settings, &settings_table[i]);
        for (size_t k = 0; k < list->len; k++)
            free(list->items[k]);
        free(list->items);
    }
    *settings = (struct settings){0};
}

/* The settings file, through libinih. That one tells nobody the number of a
 * line, takes what is too long for it in pieces, and takes an indented line for
 * more of the value above: so it gets its lines from here, one at a time, each
 * without its indentation, and what it would garble ends the reading. */

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
        reader->code =
            err_set(reader->err, ERR_USAGE, "%s:%d: %s", reader->path, reader->line, text);
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

/* Settings as text: what may stand there, and what does. */

struct unit {
    int64_t factor;
    const char *name;
};

/* The largest unit that it is a whole number of. */
static void append_number(struct buf *buf, int64_t number, const struct unit *units, size_t len)
{
    size_t i = 0;
    while (i < len && (number < units[i].factor || number % units[i].factor != 0))
        i++;
    int64_t factor = i < len ? units[i].factor : 1;
    buf_printf(buf, "%lld%s", (long long)(number / factor), i < len ? units[i].name : "");
}

static void append_size(struct buf *buf, int64_t bytes)
{
    static const struct unit units[] = {
        {INT64_C(1) << 40, "TiB"},
        {1000000000000, "TB"},
        {INT64_C(1) << 30, "GiB"},
        {1000000000, "GB"},
        {INT64_C(1) << 20, "MiB"},
        {1000000, "MB"},
        {INT64_C(1) << 10, "KiB"},
        {1000, "kB"},
        {1, "B"},
    };
    append_number(buf, bytes, units, sizeof units / sizeof units[0]);
}

static void append_age(struct buf *buf, int64_t seconds)
{
    static const struct unit units[] = {
        {INT64_C(7) * 24 * 3600, "w"}, {INT64_C(24) * 3600, "d"}, {3600, "h"}, {60, "m"}, {1, "s"},
    };
    append_number(buf, seconds, units, sizeof units / sizeof units[0]);
}

static void append_level(struct buf *buf, const struct threshold *level)
{
    if (level->used_percent > 0)
        buf_printf(buf, "%d%%", level->used_percent);
    else
        append_size(buf, level->free_bytes);
}

static const void *text_slot_of(const struct settings *settings, const struct setting *setting)
{
    return (const char *)settings + setting->offset;
}

size_t setting_values(const struct settings *settings, const struct setting *setting)
{
    if (setting_is_list(setting))
        return ((const struct settings_list *)text_slot_of(settings, setting))->len;
    return setting->fallback != NULL || settings_is_given(settings, setting) ? 1 : 0;
}

void setting_append_value(const struct settings *settings, const struct setting *setting,
                          size_t index, struct buf *buf)
{
    const void *slot = text_slot_of(settings, setting);
    switch (setting->kind) {
    case SETTING_FLAG:
        buf_append_str(buf, *(const bool *)slot ? "yes" : "no");
        break;
    case SETTING_CHOICE:
        buf_append_str(buf, setting->choices[*(const int *)slot]);
        break;
    case SETTING_COUNT:
        buf_printf(buf, "%lld", (long long)*(const int64_t *)slot);
        break;
    case SETTING_SIZE:
        append_size(buf, *(const int64_t *)slot);
        break;
    case SETTING_AGE:
        append_age(buf, *(const int64_t *)slot);
        break;
    case SETTING_LEVEL:
        append_level(buf, slot);
        break;
    default:
        buf_append_str(buf, ((const struct settings_list *)slot)->items[index]);
    }
}

static void append_range(struct buf *buf, const struct setting *setting)
{
    buf_append_str(buf, ", ");
    if (setting->kind == SETTING_SIZE)
        append_size(buf, setting->min);
    else if (setting->kind == SETTING_AGE)
        append_age(buf, setting->min);
    else
        buf_printf(buf, "%lld", (long long)setting->min);
    if (setting->max == INT64_MAX) {
        buf_append_str(buf, " or more");
        return;
    }
    buf_append_str(buf, " to ");
    if (setting->kind == SETTING_SIZE)
        append_size(buf, setting->max);
    else if (setting->kind == SETTING_AGE)
        append_age(buf, setting->max);
    else
        buf_printf(buf, "%lld", (long long)setting->max);
}

void setting_append_form(const struct setting *setting, struct buf *buf)
{
    static const char *const forms[] = {
        [SETTING_FLAG] = "yes|no",   [SETTING_COUNT] = "N",
        [SETTING_SIZE] = "SIZE",     [SETTING_AGE] = "AGE",
        [SETTING_LEVEL] = "N%|SIZE", [SETTING_DIRECTORIES] = "DIR",
        [SETTING_WORDS] = "NAME",    [SETTING_ASSIGNMENTS] = "NAME=VALUE",
    };
    if (setting->kind != SETTING_CHOICE) {
        buf_append_str(buf, forms[setting->kind]);
        if (setting->min < setting->max)
            append_range(buf, setting);
        return;
    }
    for (size_t i = 0; setting->choices[i] != NULL; i++)
        buf_printf(buf, "%s%s", i > 0 ? "|" : "", setting->choices[i]);
}
