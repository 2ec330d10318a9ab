/* All that is known of one service, or of one record. */
#ifndef BILGE_TUI_DETAILS_H
#define BILGE_TUI_DETAILS_H

#include "tui/screen.h"

struct screen *details_service_new(const char *service_id);
/* `owner`: the service it belongs to, in words; copied. */
struct screen *details_record_new(const char *builder_id, const char *record_id, const char *owner);

#endif
