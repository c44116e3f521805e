/* longtail_support.h: what LTCABI needs of C for itself: the message of the thread's latest failure. Not installed. */
#ifndef LONGTAIL_SUPPORT_H
#define LONGTAIL_SUPPORT_H

#include <stddef.h>

/* Keeps a copy of the text for this thread, cut at a whole character where it is longer than 8,191 bytes. */
void ltc_set_error_message(const char *text, size_t length);
const char *ltc_error_message(void);

#endif
