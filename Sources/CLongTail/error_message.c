// The message of the thread's latest failure: in the thread's own storage, so that keeping it cannot fail.

#include "longtail_support.h"

#include <string.h>

static _Thread_local char message[8192];

void ltc_set_error_message(const char *text, size_t length) {
    if (length >= sizeof message) {
        length = sizeof message - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
    }
    memcpy(message, text, length);
    message[length] = 0;
}

const char *ltc_error_message(void) { return message; }
