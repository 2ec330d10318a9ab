#include "core/prune/expression.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define COPIES_MAX 5000
#define DEPTH_MAX 64

/* Of the characters and groups so far; `last` is the one that a repetition
 * would repeat, and not in `sum` yet. */
struct level {
    size_t sum, last;
};

static size_t capped(size_t copies)
{
    return copies < COPIES_MAX + 1 ? copies : COPIES_MAX + 1;
}

static void add(struct level *level, size_t copies)
{
    level->sum = capped(level->sum + level->last);
    level->last = copies;
}

/* Behind "[^]a-z[:alpha:]]"; at the end when nothing closes it. */
static const char *behind_set(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    at += *at == ']';
    while (*at != '\0' && *at != ']') {
        const char *inner = at[0] == '[' && at[1] != '\0' && strchr(":.=", at[1]) ? at + 1 : NULL;
        at++;
        while (inner != NULL && *at != '\0' && !(at > inner && at[0] == *inner && at[1] == ']'))
            at++;
        at += inner != NULL && *at != '\0' ? 2 : 0;
    }
    return at + (*at != '\0');
}

/* The larger of the two numbers of "{2,9}", or as far as we care; 1 when it is
 * no repetition. *ret_next: behind it. */
static size_t repeated(const char *at, const char **ret_next)
{
    size_t most = 1, number = 0;
    const char *end = at + 1;
    for (; isdigit((unsigned char)*end) || *end == ','; end++) {
        number = *end == ',' ? 0 : capped(number * 10 + (size_t)(*end - '0'));
        most = number > most ? number : most;
    }
    *ret_next = *end == '}' ? end + 1 : at + 1;
    return *end == '}' ? most : 1;
}

bool expression_is_small(const char *text)
{
    struct level levels[DEPTH_MAX] = {{0, 0}};
    size_t depth = 0;
    for (const char *at = text; *at != '\0';) {
        struct level *level = &levels[depth];
        const char *next = at + 1;
        if (*at == '(') {
            if (++depth == DEPTH_MAX)
                return false;
            levels[depth] = (struct level){0, 0};
        } else if (*at == ')' && depth > 0) {
            add(&levels[--depth], capped(level->sum + level->last));
        } else if (*at == '{') {
            level->last = capped(level->last * repeated(at, &next));
        } else if (*at == '+') { /* once, and then as often as you like */
            level->last = capped(level->last * 2);
        } else if (*at == '[') {
            add(level, 1);
            next = behind_set(at);
        } else {
            add(level, 1);
            next += *at == '\\' && at[1] != '\0';
        }
        if (capped(level->sum + level->last) > COPIES_MAX)
            return false;
        at = next;
    }
    return levels[depth].sum + levels[depth].last <= COPIES_MAX;
}
