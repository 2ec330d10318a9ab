#include "bench/change.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/path.h"

/* Neither the default of a profile nor what people write there. */
#define CODEGEN_UNITS 15

enum manner { MANNER_LINE, MANNER_RUST, MANNER_CARGO, MANNER_BLANKS };

static const struct kind {
    const char *names; /* whole ones, or endings with their dot; a blank behind each */
    enum manner manner;
    const char *before, *after; /* around the token */
} kinds[] = {
    {"Cargo.toml ", MANNER_CARGO, NULL, NULL},
    {".rs ", MANNER_RUST, NULL, NULL},
    {".json composer.lock ", MANNER_BLANKS, NULL, NULL},
    {"go.mod .cc .cpp .cs .go .gradle .hpp .java .js .jsx .kt .kts .mjs .php .scala .swift .ts "
     ".tsx ",
     MANNER_LINE, "// ", ""},
    {"Gemfile Makefile Rakefile .ex .exs .gemspec .pl .py .rb .ru .sh .toml .txt .yaml .yml ",
     MANNER_LINE, "# ", ""},
    {".c .h .css ", MANNER_LINE, "/* ", " */"},
    {".hs .lua .sql ", MANNER_LINE, "-- ", ""},
    {".html .md .xml ", MANNER_LINE, "<!-- ", " -->"},
};

static bool is_among(const char *names, const char *name, bool any_case)
{
    size_t len = strlen(name);
    for (const char *at = names; *at != '\0'; at += strcspn(at, " ") + 1)
        if (strcspn(at, " ") == len &&
            (any_case ? strncasecmp(at, name, len) : strncmp(at, name, len)) == 0)
            return true;
    return false;
}

static const struct kind *kind_of(const char *path)
{
    const char *name = path_name(path), *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if ((name[0] != '.' && is_among(kinds[i].names, name, false)) ||
            (dot != NULL && dot != name && is_among(kinds[i].names, dot, true)))
            return &kinds[i];
    return NULL;
}

bool change_knows(const char *path)
{
    return kind_of(path) != NULL;
}

/* Does a line begin so? */
static bool has_line(const char *text, const char *line)
{
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        const char *before = at;
        while (before > text && (before[-1] == ' ' || before[-1] == '\t'))
            before--;
        if (before == text || before[-1] == '\n')
            return true;
    }
    return false;
}

static void change_cargo(const char *text, uint64_t token, const char *dependency, struct buf *out)
{
    static const char *const profiles[] = {"dev", "release"};
    bool package = has_line(text, "[package]");
    buf_printf(out, "\n[%s.metadata.bilge-bench]\ntoken = \"%016llx\"\n",
               package ? "package" : "workspace", (unsigned long long)token);
    for (size_t i = 0; dependency != NULL && i < 2; i++) {
        char *table = mem_printf("[profile.%s.package.%s]", profiles[i], dependency);
        if (!has_line(text, table))
            buf_printf(out, "\n%s\ncodegen-units = %d\n", table, CODEGEN_UNITS);
        free(table);
    }
}

int change_make(const char *path, const struct buf *text, uint64_t token, const char *dependency,
                struct buf *ret_text, struct err *err)
{
    const struct kind *kind = kind_of(path);
    if (kind == NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "changing %s: it is not known how a comment looks in such a file", path);
    buf_append(ret_text, text->data, text->len);
    if (text->len > 0 && text->data[text->len - 1] != '\n')
        buf_append(ret_text, "\n", 1);
    switch (kind->manner) {
    case MANNER_CARGO:
        change_cargo(text->len > 0 ? text->data : "", token, dependency, ret_text);
        break;
    case MANNER_RUST:
        buf_printf(ret_text, "const _: u64 = 0x%016llx; // bilge bench\n",
                   (unsigned long long)token);
        break;
    case MANNER_BLANKS:
        /* The token in blanks and tabs. */
        for (int bit = 0; bit < 64; bit++)
            buf_append(ret_text, (token >> bit & 1) != 0 ? "\t" : " ", 1);
        buf_append(ret_text, "\n", 1);
        break;
    default:
        buf_printf(ret_text, "%sbilge bench %016llx%s\n", kind->before, (unsigned long long)token,
                   kind->after);
    }
    return 0;
}
