#include "core/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_2201 (INT64_C(7289654400) * CLOCK_SECOND)

int64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

int64_t clock_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int64_t clock_of_file(int64_t seconds, int64_t nanoseconds)
{
    if (seconds >= INT64_MAX / CLOCK_SECOND)
        return INT64_MAX;
    return seconds < 0 ? 1 : seconds * CLOCK_SECOND + nanoseconds;
}

const char *clock_rfc3339(char out[CLOCK_TEXT_SIZE], int64_t at)
{
    time_t seconds = (time_t)(at / CLOCK_SECOND);
    int64_t nanos = at % CLOCK_SECOND;
    if (nanos < 0) {
        nanos += CLOCK_SECOND;
        seconds--;
    }
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t len = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    if (nanos != 0) {
        len += (size_t)snprintf(out + len, CLOCK_TEXT_SIZE - len, ".%09d", (int)nanos);
        while (out[len - 1] == '0')
            len--;
    }
    snprintf(out + len, CLOCK_TEXT_SIZE - len, "Z");
    return out;
}

/* Exactly `digits` decimal digits at *text, which moves past them. */
static bool take_number(const char **text, int digits, int *ret_number)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*text)[i]))
            return false;
        number = number * 10 + ((*text)[i] - '0');
    }
    *text += digits;
    *ret_number = number;
    return true;
}

static bool take_char(const char **text, const char *allowed)
{
    if (**text == '\0' || strchr(allowed, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

/* Nothing, or '.' and at least one digit. */
static bool take_fraction(const char **text, int64_t *ret_nanos)
{
    int64_t nanos = 0, unit = CLOCK_SECOND / 10;
    if (take_char(text, ".")) {
        if (!isdigit((unsigned char)**text))
            return false;
        for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
            nanos += (**text - '0') * unit;
    }
    *ret_nanos = nanos;
    return true;
}

/* "Z", "+01:00" or "+0100". */
static bool take_offset(const char **text, int *ret_seconds)
{
    if (take_char(text, "Zz")) {
        *ret_seconds = 0;
        return true;
    }
    int sign = **text == '-' ? -1 : 1, hours, minutes;
    if (!take_char(text, "+-") || !take_number(text, 2, &hours))
        return false;
    take_char(text, ":");
    if (!take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (leap && month == 2);
}

static bool in_range(const struct tm *tm, int year, int month)
{
    return year >= 1970 && year <= 2200 && month >= 1 && month <= 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days_in(year, month) && tm->tm_hour <= 23 && tm->tm_min <= 59 &&
           tm->tm_sec <= 60;
}

bool clock_parse(const char *text, int64_t *ret_at)
{
    struct tm tm = {0};
    int year, month, offset;
    if (!take_number(&text, 4, &year) || !take_char(&text, "-") || !take_number(&text, 2, &month) ||
        !take_char(&text, "-") || !take_number(&text, 2, &tm.tm_mday) || !take_char(&text, "Tt ") ||
        !take_number(&text, 2, &tm.tm_hour) || !take_char(&text, ":") ||
        !take_number(&text, 2, &tm.tm_min) || !take_char(&text, ":") ||
        !take_number(&text, 2, &tm.tm_sec))
        return false;
    int64_t nanos;
    if (!take_fraction(&text, &nanos))
        return false;
    take_char(&text, " ");
    if (!take_offset(&text, &offset) || !in_range(&tm, year, month))
        return false;
    if (*text != '\0' && *text != ' ') /* Go adds " UTC" or " m=+0.1" */
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int64_t at = ((int64_t)timegm(&tm) - offset) * CLOCK_SECOND + nanos;
    if (at <= 0 || at >= YEAR_2201) /* the offset can carry it over the edge */
        return false;
    *ret_at = at;
    return true;
}
