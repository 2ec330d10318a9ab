#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

struct found {
    const struct option_spec *spec;
    void *slot;
    char letter; /* as it was written, for messages; 0: by its name */
};

/* What is left of the command line, and what it is read with. */
struct reader {
    const struct option_set *sets;
    size_t sets_len;
    int argc;
    char **argv;
    int next;
    struct err *err;
};

static void add_to(struct option_list *list, const char *item)
{
    mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
    list->items[list->len++] = item;
}

void option_list_done(struct option_list *list)
{
    free(list->items);
    *list = (struct option_list){0};
}

void options_done(const struct option_set *set)
{
    for (const struct option_spec *spec = set->specs; spec->name != NULL; spec++)
        if (spec->kind == OPTION_LIST)
            option_list_done((struct option_list *)((char *)set->values + spec->offset));
}

/* By name (of `len` bytes), or by letter when name is NULL. */
static bool find(const struct reader *reader, const char *name, size_t len, char letter,
                 struct found *ret_found)
{
    for (size_t i = 0; i < reader->sets_len; i++) {
        const struct option_set *set = &reader->sets[i];
        for (const struct option_spec *spec = set->specs; spec->name != NULL; spec++) {
            bool same = name != NULL
                            ? strlen(spec->name) == len && memcmp(spec->name, name, len) == 0
                            : spec->letter == letter;
            if (!same)
                continue;
            ret_found->spec = spec;
            ret_found->slot = (char *)set->values + spec->offset;
            ret_found->letter = letter;
            return true;
        }
    }
    return false;
}

/* Says why text_parse_size() or text_parse_age() did not take it. */
static int refuse(const char *name, char *takes_reason, struct err *err)
{
    err_set(err, ERR_USAGE, "--%s: %s", name, takes_reason);
    free(takes_reason);
    return ERR_USAGE;
}

static int set_number(const struct found *found, const char *text, struct err *err)
{
    struct option_number *number = found->slot;
    const char *name = found->spec->name;
    int64_t value;
    if (number->given)
        return err_set(err, ERR_USAGE, "--%s is given twice", name);
    if (found->spec->kind == OPTION_AGE) {
        if (!text_parse_age(text, &value))
            return refuse(name, text_age_refusal(text), err);
    } else if (found->spec->kind == OPTION_SIZE) {
        if (!text_parse_size(text, &value) || value == 0)
            return refuse(name, text_size_refusal(text), err);
    } else if (found->spec->kind == OPTION_YES_NO) {
        value = strcmp(text, "yes") == 0;
        if (value == 0 && strcmp(text, "no") != 0)
            return err_set(err, ERR_USAGE, "--%s: \"%s\" is neither yes nor no", name, text);
    } else {
        char *end;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || value < 1 ||
            value > INT32_MAX)
            return err_set(err, ERR_USAGE, "--%s: \"%s\" is not a number from 1", name, text);
    }
    number->given = true;
    number->value = value;
    return 0;
}

static int set_value(const struct found *found, const char *text, struct err *err)
{
    /* Mostly an unset variable of a script; it must not widen what is asked. */
    if (*text == '\0')
        return err_set(err, ERR_USAGE, "--%s: the %s is empty", found->spec->name,
                       found->spec->value);
    if (found->spec->kind == OPTION_LIST) {
        add_to(found->slot, text);
        return 0;
    }
    if (found->spec->kind != OPTION_TEXT)
        return set_number(found, text, err);
    const char **slot = found->slot;
    if (*slot != NULL)
        return err_set(err, ERR_USAGE, "--%s is given twice", found->spec->name);
    *slot = text;
    return 0;
}

/* "-f (--file)" or "--file", whichever was written. */
static const char *called(const struct found *found, char out[64])
{
    if (found->letter != 0)
        snprintf(out, 64, "-%c (--%s)", found->letter, found->spec->name);
    else
        snprintf(out, 64, "--%s", found->spec->name);
    return out;
}

/* The next word, which must not look like an option. */
static int take_next(struct reader *reader, const struct found *found)
{
    const struct option_spec *spec = found->spec;
    const char *word = reader->next < reader->argc ? reader->argv[reader->next] : NULL;
    char name[64];
    if (word == NULL)
        return err_set(reader->err, ERR_USAGE, "%s needs a value: %s", called(found, name),
                       spec->value);
    if (word[0] == '-')
        return err_set(reader->err, ERR_USAGE,
                       "%s needs a value: %s, and \"%s\" looks like an option "
                       "(a value that begins with - is written --%s=VALUE)",
                       called(found, name), spec->value, word, spec->name);
    reader->next++;
    return set_value(found, word, reader->err);
}

/* `inline_value` is what stood in the same argument; NULL: nothing. */
static int take(struct reader *reader, const struct found *found, const char *inline_value)
{
    const struct option_spec *spec = found->spec;
    if (spec->kind == OPTION_REFUSED)
        return err_set(reader->err, ERR_USAGE, "%s", spec->help);
    if (spec->kind == OPTION_FLAG) {
        if (inline_value != NULL)
            return err_set(reader->err, ERR_USAGE, "--%s takes no value", spec->name);
        *(bool *)found->slot = true;
        return 0;
    }
    if (inline_value == NULL)
        return take_next(reader, found);
    return set_value(found, inline_value, reader->err);
}

static int read_long(struct reader *reader, const char *argument)
{
    size_t len = strcspn(argument, "=");
    struct found found;
    if (!find(reader, argument, len, 0, &found))
        return err_set(reader->err, ERR_USAGE, "unknown option --%.*s", (int)len, argument);
    return take(reader, &found, argument[len] == '=' ? argument + len + 1 : NULL);
}

static int unknown_letter(struct reader *reader, const char *letters)
{
    uint32_t rune;
    size_t len = text_decode(letters, strlen(letters), &rune);
    return err_set(reader->err, ERR_USAGE, "unknown option -%.*s", len > 0 ? (int)len : 1, letters);
}

/* "-h", "-fFILE", "-f FILE", "-hV". */
static int read_short(struct reader *reader, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        struct found found;
        if (!find(reader, NULL, 0, *letters, &found))
            return unknown_letter(reader, letters);
        bool rest = found.spec->kind != OPTION_FLAG && letters[1] != '\0';
        /* "-f--dry-run" is a slip, and of "-f=x" others take "x". */
        if (rest && found.spec->kind != OPTION_REFUSED && strchr("-=", letters[1]) != NULL)
            return err_set(reader->err, ERR_USAGE, "-%s: write -%c VALUE or --%s=VALUE", letters,
                           *letters, found.spec->name);
        int code = take(reader, &found, rest ? letters + 1 : NULL);
        if (code < 0 || rest)
            return code;
    }
    return 0;
}

int options_read(const struct option_set *sets, size_t sets_len, int argc, char **argv,
                 struct option_list *operands, int *ret_used, struct err *err)
{
    struct reader reader = {sets, sets_len, argc, argv, 0, err};
    bool options_over = false;
    while (reader.next < argc) {
        const char *argument = argv[reader.next];
        bool option = !options_over && argument[0] == '-' && argument[1] != '\0';
        if (!option && operands == NULL)
            break;
        reader.next++;
        if (!option) {
            add_to(operands, argument);
            continue;
        }
        int code = 0;
        if (strcmp(argument, "--") == 0)
            options_over = true;
        else
            code = argument[1] == '-' ? read_long(&reader, argument + 2)
                                      : read_short(&reader, argument + 1);
        if (code < 0)
            return code;
    }
    *ret_used += reader.next;
    return 0;
}

/* ----------------------------------------------------------------- help */

static int label(char *out, size_t size, const struct option_spec *spec)
{
    char letter[] = {'-', spec->letter, ',', ' ', '\0'};
    return snprintf(out, size, "%s--%s%s%s", spec->letter != 0 ? letter : "    ", spec->name,
                    spec->value != NULL ? " " : "", spec->value != NULL ? spec->value : "");
}

void options_print(const struct option_spec *specs, FILE *out)
{
    char text[80];
    int widest = 0;
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        int width = spec->kind != OPTION_REFUSED ? label(text, sizeof text, spec) : 0;
        widest = width > widest ? width : widest;
    }
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        if (spec->kind == OPTION_REFUSED)
            continue;
        label(text, sizeof text, spec);
        fprintf(out, "  %-*s  %s\n", widest, text, spec->help);
    }
}
