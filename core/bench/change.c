#include "core/bench/change.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/path.h"

/* Neither the default of a profile nor what people write there. */
#define CODEGEN_UNITS 15

enum manner { MANNER_LINE, MANNER_RUST, MANNER_CARGO, MANNER_BLANKS };

struct kind {
    const char *name; /* a whole name, or ".ending" */
    enum manner manner;
    const char *before, *after; /* around the token */
};

static const struct kind kinds[] = {
    {"Cargo.toml", MANNER_CARGO, NULL, NULL},
    {".rs", MANNER_RUST, NULL, NULL},
    {".json", MANNER_BLANKS, NULL, NULL},
    {"composer.lock", MANNER_BLANKS, NULL, NULL},
    {"go.mod", MANNER_LINE, "// ", ""},
    {"Gemfile", MANNER_LINE, "# ", ""},
    {"Rakefile", MANNER_LINE, "# ", ""},
    {"Makefile", MANNER_LINE, "# ", ""},
    {".c", MANNER_LINE, "/* ", " */"},
    {".h", MANNER_LINE, "/* ", " */"},
    {".css", MANNER_LINE, "/* ", " */"},
    {".cc", MANNER_LINE, "// ", ""},
    {".cpp", MANNER_LINE, "// ", ""},
    {".cs", MANNER_LINE, "// ", ""},
    {".go", MANNER_LINE, "// ", ""},
    {".gradle", MANNER_LINE, "// ", ""},
    {".hpp", MANNER_LINE, "// ", ""},
    {".java", MANNER_LINE, "// ", ""},
    {".js", MANNER_LINE, "// ", ""},
    {".jsx", MANNER_LINE, "// ", ""},
    {".kt", MANNER_LINE, "// ", ""},
    {".kts", MANNER_LINE, "// ", ""},
    {".mjs", MANNER_LINE, "// ", ""},
    {".php", MANNER_LINE, "// ", ""},
    {".scala", MANNER_LINE, "// ", ""},
    {".swift", MANNER_LINE, "// ", ""},
    {".ts", MANNER_LINE, "// ", ""},
    {".tsx", MANNER_LINE, "// ", ""},
    {".ex", MANNER_LINE, "# ", ""},
    {".exs", MANNER_LINE, "# ", ""},
    {".gemspec", MANNER_LINE, "# ", ""},
    {".pl", MANNER_LINE, "# ", ""},
    {".py", MANNER_LINE, "# ", ""},
    {".rb", MANNER_LINE, "# ", ""},
    {".ru", MANNER_LINE, "# ", ""},
    {".sh", MANNER_LINE, "# ", ""},
    {".toml", MANNER_LINE, "# ", ""},
    {".txt", MANNER_LINE, "# ", ""},
    {".yaml", MANNER_LINE, "# ", ""},
    {".yml", MANNER_LINE, "# ", ""},
    {".hs", MANNER_LINE, "-- ", ""},
    {".lua", MANNER_LINE, "-- ", ""},
    {".sql", MANNER_LINE, "-- ", ""},
    {".html", MANNER_LINE, "<!-- ", " -->"},
    {".md", MANNER_LINE, "<!-- ", " -->"},
    {".xml", MANNER_LINE, "<!-- ", " -->"},
};

static const struct kind *kind_of(const char *path)
{
    const char *name = path_name(path);
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *wanted = kinds[i].name;
        if ((wanted[0] != '.' && strcmp(name, wanted) == 0) ||
            (wanted[0] == '.' && dot != NULL && dot != name && strcasecmp(dot, wanted) == 0))
            return &kinds[i];
    }
    return NULL;
}

bool change_knows(const char *path)
{
    return kind_of(path) != NULL;
}

static bool has_line(const char *text, size_t len, const char *line)
{
    size_t wanted = strlen(line);
    for (const char *at = text, *end = text + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        if ((size_t)(stop - at) >= wanted && memcmp(at, line, wanted) == 0)
            return true;
        at = stop + 1;
    }
    return false;
}

static void change_cargo(const char *text, size_t len, uint64_t token, const char *dependency,
                         struct buf *out)
{
    static const char *const profiles[] = {"dev", "release"};
    bool package = has_line(text, len, "[package]");
    buf_printf(out, "\n[%s.metadata.bilge-bench]\ntoken = \"%016llx\"\n",
               package ? "package" : "workspace", (unsigned long long)token);
    for (size_t i = 0; dependency != NULL && i < 2; i++) {
        char *table = mem_printf("[profile.%s.package.%s]", profiles[i], dependency);
        if (!has_line(text, len, table))
            buf_printf(out, "\n%s\ncodegen-units = %d\n", table, CODEGEN_UNITS);
        free(table);
    }
}

int change_make(const char *path, const char *text, size_t len, uint64_t token,
                const char *dependency, struct buf *ret_text, struct err *err)
{
    const struct kind *kind = kind_of(path);
    if (kind == NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "changing %s: it is not known how a comment looks in such a file", path);
    buf_append(ret_text, text, len);
    if (len > 0 && text[len - 1] != '\n')
        buf_append(ret_text, "\n", 1);
    switch (kind->manner) {
    case MANNER_CARGO:
        change_cargo(text, len, token, dependency, ret_text);
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
