#include "core/engine/docker_text.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "core/base/clock.h"

/* A decimal number as digits * 10^power: sizes stay exact, and the locale's
 * decimal point has no say. */
struct decimal {
    int64_t digits;
    int power;
};

static void take_digit(struct decimal *number, char digit, bool after_point)
{
    if (number->digits > INT64_C(100000000000000)) { /* more than docker ever prints */
        number->power += !after_point;
        return;
    }
    number->digits = number->digits * 10 + (digit - '0');
    number->power -= after_point;
}

static bool take_exponent(const char **text, int *ret_exponent)
{
    const char *at = *text;
    if (*at != 'e' || (at[1] != '+' && at[1] != '-') || !isdigit((unsigned char)at[2]))
        return false;
    int sign = at[1] == '-' ? -1 : 1, exponent = 0;
    for (at += 2; isdigit((unsigned char)*at); at++)
        if (exponent < 100)
            exponent = exponent * 10 + (*at - '0');
    *ret_exponent = sign * exponent;
    *text = at;
    return true;
}

static bool take_decimal(const char **text, struct decimal *ret_number)
{
    struct decimal number = {0};
    const char *at = *text;
    if (!isdigit((unsigned char)*at))
        return false;
    for (; isdigit((unsigned char)*at); at++)
        take_digit(&number, *at, false);
    if (*at == '.')
        for (at++; isdigit((unsigned char)*at); at++)
            take_digit(&number, *at, true);
    int exponent;
    if (take_exponent(&at, &exponent))
        number.power += exponent;
    *text = at;
    *ret_number = number;
    return true;
}

static int64_t decimal_round(struct decimal number)
{
    for (; number.power > 0 && number.digits != 0; number.power--)
        if (__builtin_mul_overflow(number.digits, INT64_C(10), &number.digits))
            return INT64_MAX;
    for (; number.power < -1 && number.digits != 0; number.power++)
        number.digits /= 10;
    if (number.power == -1)
        number.digits = (number.digits + 5) / 10;
    return number.digits;
}

bool docker_parse_size(const char *text, int64_t *ret_bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    struct decimal number;
    if (!take_decimal(&text, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text, units[i]) != 0)
            continue;
        number.power += 3 * (int)i;
        *ret_bytes = decimal_round(number);
        return true;
    }
    return false;
}

static const struct {
    const char *name; /* "s" may follow */
    int64_t seconds;
} durations[] = {
    {"second", 1},       {"minute", 60},        {"hour", 3600},        {"day", 86400},
    {"week", 7 * 86400}, {"month", 30 * 86400}, {"year", 365 * 86400},
};

static int64_t unit_seconds(const char *unit)
{
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        size_t len = strlen(durations[i].name);
        if (strncmp(unit, durations[i].name, len) == 0 &&
            strcmp(unit + len + (unit[len] == 's'), " ago") == 0)
            return durations[i].seconds;
    }
    return -1;
}

bool docker_parse_ago(const char *text, int64_t now, int64_t *ret_at)
{
    int64_t count = 0, seconds, age;
    if (strcmp(text, "Less than a second ago") == 0)
        seconds = 0;
    else if (strncmp(text, "About a ", 8) == 0 || strncmp(text, "About an ", 9) == 0) {
        count = 1;
        seconds = unit_seconds(strchr(text + 6, ' ') + 1);
    } else {
        if (!isdigit((unsigned char)*text))
            return false;
        for (; isdigit((unsigned char)*text) && count < 100000; text++)
            count = count * 10 + (*text - '0');
        seconds = *text == ' ' ? unit_seconds(text + 1) : -1;
    }
    if (seconds < 0)
        return false;
    if (__builtin_mul_overflow(count * seconds, CLOCK_SECOND, &age) || age >= now)
        age = now - 1;
    *ret_at = now - age;
    return true;
}
