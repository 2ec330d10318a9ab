/* Digests, as OCI's documents name blobs by them. Source: OCI image-spec, descriptor. */
#ifndef BILGE_OCI_DIGEST_H
#define BILGE_OCI_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

/* A sha256 digest. Other algorithms are reported as a problem, not read. */
struct digest {
    uint8_t bytes[32];
};
#define DIGEST_HEX_SIZE 65  /* 64 digits and NUL */
#define DIGEST_TEXT_SIZE 72 /* "sha256:" before it */

bool digest_equal(const struct digest *a, const struct digest *b);
/* "sha256:<64 lower-case hex>" and nothing else. */
bool digest_parse(const char *text, struct digest *ret_digest);
/* 64 lower-case hex digits: the name of a blob's file. */
bool digest_parse_hex(const char *hex, struct digest *ret_digest);
const char *digest_hex(char out[DIGEST_HEX_SIZE], const struct digest *digest);
const char *digest_text(char out[DIGEST_TEXT_SIZE], const struct digest *digest);

#endif
