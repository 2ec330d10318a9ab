/* The human forms that docker's tools print and that must be read back where
 * no exact number is to be had. Source: docker/go-units size.go, duration.go. */
#ifndef BILGE_ENGINE_DOCKER_TEXT_H
#define BILGE_ENGINE_DOCKER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* "0B", "61.71kB", "1.102MB", "1e+03kB": base 1000. False for anything else;
 * what does not fit becomes INT64_MAX. */
bool docker_parse_size(const char *text, int64_t *ret_bytes);

/* "Less than a second ago", "About an hour ago", "3 weeks ago" and the like:
 * the time that was meant, never before 1 ns after 1970. */
bool docker_parse_ago(const char *text, int64_t now, int64_t *ret_at);

#endif
