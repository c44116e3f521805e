/* serve: a model as an HTTP service: one thread for all sockets, worker threads with a session each, one shared model.
 *
 *   serve [-a ADDRESS] [-p PORT] [-n WORKERS] [-q QUEUE] [-t THREADS] [-w MILLISECONDS] [-s BYTES] [-k BEST]
 *         [-m KEY=VALUE]... MODEL
 *   curl --data-binary @image.jpg http://127.0.0.1:8080/predict
 *
 *   -a  address to listen at (127.0.0.1)             -p  port (8080; 0 takes a free one)
 *   -n  workers (the processors)                     -t  threads that compute for one worker (1)
 *   -q  requests that wait for a worker (64)         -w  time for a request, waiting included (10000; 0: no limit)
 *   -s  bytes of an image (16777216)                 -k  classes per answer beside those decided for (5)
 *   -m  metadata over the model's own
 *
 * POST /predict with a JPEG, PNG or WebP file as the body answers JSON; GET /health says that the service runs. Each
 * connection carries one request. Clients that are slow or send too much cost bounded memory (CONNECTIONS times -s) and time
 * and never a worker: only whole requests reach one. When the queue is full the answer is 503. SIGINT and SIGTERM stop
 * the calls that run, answer what waits with 503, and end the process. C99 and POSIX threads; also C++.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <longtail.h>

enum { CONNECTIONS = 64, READ_MS = 10000, WRITE_MS = 10000, DRAIN_MS = 1000 };
static const size_t head_bytes = 8192;

/* Every struct of the library begins like this: all zero, its size set. */
#define INITIALISE(value) (memset(&(value), 0, sizeof(value)), (value).struct_size = sizeof(value))

/* What a connection is doing. From QUEUED until it is put among the done ones it belongs to a worker, else to the thread
 * of the sockets. */
enum state { FREE, READING, QUEUED, WRITING, DRAINING };

struct connection {
    enum state state;
    int fd;
    int64_t deadline;      /* when the state ends at the latest */
    char *input;           /* head and body of the request */
    size_t received, room; /* bytes in `input`, and what it has room for */
    size_t head, body;     /* bytes of both; head is 0 until it is complete */
    int64_t arrived;       /* when the request was complete */
    char *output;
    size_t sent, length;
};

struct server {
    lt_model *model;
    lt_cancellation *cancellation;
    int64_t timeout_ms;
    size_t largest_body, best;
    int listener;
    int wake[2]; /* a pipe by which workers and signals wake the thread of the sockets */
    struct connection connections[CONNECTIONS];
    /* Behind the lock: */
    pthread_mutex_t lock;
    pthread_cond_t work;
    int is_stopping;
    struct connection *queue[CONNECTIONS]; /* a ring */
    size_t queue_start, queue_count, queue_limit;
    struct connection *done[CONNECTIONS];
    size_t done_count;
};

struct worker {
    struct server *server;
    lt_session *session;
    pthread_t thread;
};

static int failed(lt_status status, const char *what) {
    if (status == LT_OK) return 0;
    fprintf(stderr, "serve: %s: %s\n", what, lt_last_error_message());
    return 1;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

static void put_string(FILE *json, const char *text) {
    putc('"', json);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fprintf(json, "\\%c", c);
        } else if (c < 0x20) {
            fprintf(json, "\\u%04x", c);
        } else {
            putc(c, json);
        }
    }
    putc('"', json);
}

/* JSON has no number that is not finite. */
static void put_number(FILE *json, float value) {
    if (isfinite(value)) {
        fprintf(json, "%.9g", value);
    } else {
        fputs("null", json);
    }
}

static void put_class(FILE *json, int64_t id, const char *name, float score, int32_t is_positive) {
    fprintf(json, "{\"id\":%lld,\"name\":", (long long)id);
    put_string(json, name);
    fputs(",\"score\":", json);
    put_number(json, score);
    fprintf(json, ",\"decision\":%s", is_positive ? "true" : "false");
}

static void put_error(FILE *json, lt_status status, const char *message) {
    fprintf(json, "{\"error\":\"%s\",\"message\":", lt_status_name(status));
    put_string(json, message);
    fputs("}\n", json);
}

/* The best classes, and every class that is decided to be there. */
static lt_status put_labels(FILE *json, const lt_results *results, size_t count, size_t best) {
    fputs("{\"classes\":[", json);
    int first = 1;
    for (size_t rank = 0; rank < count; rank++) {
        lt_label label;
        INITIALISE(label);
        lt_status status = lt_results_get_label(results, 0, rank, &label);
        if (status != LT_OK) return status;
        if (rank >= best && !label.is_positive) continue;
        if (!first) putc(',', json);
        first = 0;
        put_class(json, label.id, label.name, label.score, label.is_positive);
        putc('}', json);
    }
    fputs("]}\n", json);
    return LT_OK;
}

/* Every detection that reaches its class's threshold. */
static lt_status put_detections(FILE *json, const lt_results *results, size_t count) {
    fputs("{\"detections\":[", json);
    int first = 1;
    for (size_t index = 0; index < count; index++) {
        lt_detection found;
        INITIALISE(found);
        lt_status status = lt_results_get_detection(results, 0, index, &found);
        if (status != LT_OK) return status;
        if (!found.is_positive) continue;
        if (!first) putc(',', json);
        first = 0;
        put_class(json, found.id, found.name, found.score, found.is_positive);
        fputs(",\"box\":[", json);
        const float box[4] = {found.x1, found.y1, found.x2, found.y2};
        for (int i = 0; i < 4; i++) {
            if (i > 0) putc(',', json);
            put_number(json, box[i]);
        }
        putc(']', json);
        if (found.mask_counts != NULL) {
            fprintf(
                json, ",\"segmentation\":{\"size\":[%d,%d],\"counts\":", (int)found.mask_height, (int)found.mask_width);
            put_string(json, found.mask_counts);
            putc('}', json);
        }
        putc('}', json);
    }
    fputs("]}\n", json);
    return LT_OK;
}

/* ---- Answers -------------------------------------------------------------------------------------------------------- */

static const char *reason(int code) {
    switch (code) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 422: return "Unprocessable Content";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Internal Server Error";
    }
}

/* Makes the answer of a connection; without memory for it there is none, and the connection is closed. */
static void answer(struct connection *c, int code, const char *json, size_t length) {
    char head[256];
    int bytes = snprintf(
        head, sizeof head,
        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", code,
        reason(code), length, code == 503 ? "Retry-After: 1\r\n" : "");
    c->sent = c->length = 0;
    c->output = (char *)malloc((size_t)bytes + length);
    if (c->output == NULL) return;
    memcpy(c->output, head, (size_t)bytes);
    memcpy(c->output + bytes, json, length);
    c->length = (size_t)bytes + length;
}

/* An answer without a prediction, sent by the thread of the sockets. */
static void refuse(struct connection *c, int code) {
    char json[128];
    int length = snprintf(json, sizeof json, "{\"error\":\"%s\"}\n", reason(code));
    answer(c, code, json, (size_t)length);
    c->state = WRITING;
    c->deadline = now_ms() + WRITE_MS;
}

/* ---- Workers -------------------------------------------------------------------------------------------------------- */

/* What the status of a call means to a client. */
static int http_code(lt_status status) {
    switch (status) {
    case LT_OK: return 200;
    case LT_TIMED_OUT: return 504;
    case LT_CANCELLED: return 503;
    case LT_OUT_OF_MEMORY: return 503;
    default: return 500;
    }
}

/* Writes the answer about one image, or the error. Returns the HTTP status code. */
static int predict(const struct worker *worker, const struct connection *c, FILE *json) {
    const struct server *server = worker->server;
    lt_run_options options;
    INITIALISE(options);
    options.cancellation = server->cancellation;
    if (server->timeout_ms > 0) {
        options.timeout_ms = c->arrived + server->timeout_ms - now_ms();
        if (options.timeout_ms <= 0) {
            put_error(json, LT_TIMED_OUT, "no worker was free in time");
            return 504;
        }
    }
    lt_image image;
    INITIALISE(image);
    image.data = c->input + c->head;
    image.size = c->body;
    image.format = LT_IMAGE_ENCODED;
    lt_results *results = NULL;
    lt_image_result result;
    INITIALISE(result);
    lt_status status = lt_session_predict(worker->session, &image, 1, &options, &results);
    if (status == LT_OK) status = lt_results_get_image(results, 0, &result);
    int code = http_code(status);
    if (status == LT_OK && result.status != LT_OK) {
        put_error(json, result.status, result.message);
        code = 422;
    } else {
        if (status == LT_OK && result.kind == LT_RESULT_CLASSES)
            status = put_labels(json, results, result.count, server->best);
        if (status == LT_OK && result.kind == LT_RESULT_DETECTIONS)
            status = put_detections(json, results, result.count);
        if (status != LT_OK) {
            put_error(json, status, lt_last_error_message());
            code = http_code(status);
        }
    }
    lt_results_release(results);
    return code;
}

/* Answers one request. */
static void serve_one(const struct worker *worker, struct connection *c) {
    char *text = NULL;
    size_t length = 0;
    FILE *json = open_memstream(&text, &length);
    if (json == NULL) return;
    int code = predict(worker, c, json);
    int bad = ferror(json);
    if (fclose(json) == 0 && !bad) answer(c, code, text, length);
    free(text);
}

/* A byte into the pipe wakes the thread of the sockets; a full pipe will wake it as well. */
static void wake(int fd) {
    int saved = errno;
    while (write(fd, "", 1) < 0 && errno == EINTR) {}
    errno = saved;
}

static void *work(void *argument) {
    struct worker *worker = (struct worker *)argument;
    struct server *server = worker->server;
    for (;;) {
        pthread_mutex_lock(&server->lock);
        while (server->queue_count == 0 && !server->is_stopping) pthread_cond_wait(&server->work, &server->lock);
        if (server->queue_count == 0) {
            pthread_mutex_unlock(&server->lock);
            return NULL;
        }
        struct connection *c = server->queue[server->queue_start];
        server->queue_start = (server->queue_start + 1) % CONNECTIONS;
        server->queue_count--;
        pthread_mutex_unlock(&server->lock);

        serve_one(worker, c);

        pthread_mutex_lock(&server->lock);
        server->done[server->done_count++] = c;
        pthread_mutex_unlock(&server->lock);
        wake(server->wake[1]);
    }
}

/* ---- Requests ------------------------------------------------------------------------------------------------------- */

static void close_connection(struct connection *c) {
    close(c->fd);
    free(c->input);
    free(c->output);
    memset(c, 0, sizeof *c);
    c->state = FREE;
}

/* Reads the request line and the headers, which end with an empty line. Returns 0, else the HTTP status code. */
static int read_head(const struct server *server, struct connection *c, int *wants_continue, int *is_health) {
    char *text = c->input;
    if (memchr(text, '\0', c->head) != NULL) return 400;
    text[c->head - 2] = '\0'; /* every line that is left ends with \r\n */
    char method[8], target[64], version[16];
    if (sscanf(text, "%7[A-Z] %63[^ \r\n] %15[^ \r\n]", method, target, version) != 3) return 400;
    if (strncmp(version, "HTTP/1.", 7) != 0) return 400;
    int has_length = 0;
    for (char *line = strstr(text, "\r\n"); line != NULL && line[2] != '\0'; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, "Transfer-Encoding:", 18) == 0) return 411;
        if (strncasecmp(line, "Expect: 100-continue", 20) == 0) *wants_continue = 1;
        if (strncasecmp(line, "Content-Length:", 15) != 0) continue;
        const char *digits = line + 15 + strspn(line + 15, " \t");
        size_t count = strspn(digits, "0123456789");
        if (has_length || count == 0 || digits[count + strspn(digits + count, " \t")] != '\r') return 400;
        if (count > 18) return 413;
        has_length = 1;
        unsigned long long length = strtoull(digits, NULL, 10);
        if (length > server->largest_body) return 413;
        c->body = (size_t)length;
    }
    *is_health = strcmp(target, "/health") == 0;
    if (!*is_health && strcmp(target, "/predict") != 0) return 404;
    if (strcmp(method, *is_health ? "GET" : "POST") != 0) return 405;
    return has_length || *is_health ? 0 : 411;
}

/* Looks for the end of the head in what came since `before`, and acts on it. */
static void take_head(struct server *server, struct connection *c, size_t before) {
    for (size_t i = before < 3 ? 3 : before; i < c->received && c->head == 0; i++)
        if (memcmp(c->input + i - 3, "\r\n\r\n", 4) == 0) c->head = i + 1;
    if (c->head == 0) {
        if (c->received >= head_bytes) refuse(c, 431);
        return;
    }
    int wants_continue = 0, is_health = 0;
    int code = read_head(server, c, &wants_continue, &is_health);
    if (code != 0) {
        refuse(c, code);
    } else if (is_health) {
        static const char json[] = "{\"status\":\"ok\"}\n";
        answer(c, 200, json, sizeof json - 1);
        c->state = WRITING;
        c->deadline = now_ms() + WRITE_MS;
    } else if (wants_continue && c->received < c->head + c->body) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        /* Nothing was sent before, so there is room for it; a client that does not hear it sends all the same. */
        if (send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) < 0) return;
    }
}

/* Hands a whole request to the workers. */
static void enqueue(struct server *server, struct connection *c) {
    c->arrived = now_ms();
    pthread_mutex_lock(&server->lock);
    int is_full = server->queue_count >= server->queue_limit;
    if (!is_full) {
        c->state = QUEUED;
        server->queue[(server->queue_start + server->queue_count++) % CONNECTIONS] = c;
        pthread_cond_signal(&server->work);
    }
    pthread_mutex_unlock(&server->lock);
    if (is_full) refuse(c, 503);
}

/* Memory follows what a client has really sent, not what it announces. Returns 0 where there is room for more. */
static int make_room(struct connection *c) {
    if (c->received < c->room) return 0;
    size_t needed = c->head > 0 ? c->head + c->body : head_bytes;
    size_t room = c->room == 0 ? head_bytes : 2 * c->room;
    if (room > needed) room = needed;
    char *input = (char *)realloc(c->input, room);
    if (input == NULL) return -1;
    c->input = input;
    c->room = room;
    return 0;
}

static void read_some(struct server *server, struct connection *c) {
    if (make_room(c) != 0) {
        refuse(c, 503);
        return;
    }
    ssize_t count = recv(c->fd, c->input + c->received, c->room - c->received, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (count <= 0) {
        close_connection(c);
        return;
    }
    size_t before = c->received;
    c->received += (size_t)count;
    if (c->head == 0) take_head(server, c, before);
    if (c->state == READING && c->head > 0 && c->received >= c->head + c->body) enqueue(server, c);
}

static void write_some(struct connection *c) {
    if (c->sent < c->length) {
        ssize_t count = send(c->fd, c->output + c->sent, c->length - c->sent, MSG_NOSIGNAL);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
        if (count < 0) {
            close_connection(c);
            return;
        }
        c->sent += (size_t)count;
    }
    if (c->sent < c->length) return;
    /* Closing while the client still sends would take the answer from it: first let it come to an end. */
    if (c->length == 0 || shutdown(c->fd, SHUT_WR) != 0) {
        close_connection(c);
        return;
    }
    c->state = DRAINING;
    c->deadline = now_ms() + DRAIN_MS;
}

static void drain(struct connection *c) {
    char scratch[16384];
    ssize_t count = recv(c->fd, scratch, sizeof scratch, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (count <= 0) close_connection(c);
}

/* ---- The thread of the sockets -------------------------------------------------------------------------------------- */

static volatile sig_atomic_t was_told_to_stop;
static int signal_wake;

static void on_signal(int number) {
    (void)number;
    was_told_to_stop = 1;
    wake(signal_wake);
}

static void accept_one(struct server *server) {
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0) {
        /* Without descriptors the listener would be ready at once again. */
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) poll(NULL, 0, 100);
        return;
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &server->connections[i];
        if (c->state != FREE) continue;
        if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) break;
        c->fd = fd;
        c->state = READING;
        c->deadline = now_ms() + READ_MS;
        return;
    }
    close(fd);
}

/* Stops what runs; what waits in the queue is then answered with LT_CANCELLED by the workers. */
static void begin_to_stop(struct server *server) {
    pthread_mutex_lock(&server->lock);
    server->is_stopping = 1;
    pthread_cond_broadcast(&server->work);
    pthread_mutex_unlock(&server->lock);
    failed(lt_cancellation_cancel(server->cancellation), "stopping");
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].state == READING) refuse(&server->connections[i], 503);
}

/* Takes back the connections that workers are done with. */
static void take_done(struct server *server) {
    char scratch[64];
    while (read(server->wake[0], scratch, sizeof scratch) > 0) {}
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->done_count; i++) {
        struct connection *c = server->done[i];
        c->state = WRITING;
        c->deadline = now_ms() + WRITE_MS;
    }
    server->done_count = 0;
    pthread_mutex_unlock(&server->lock);
}

static void step(struct server *server, struct connection *c, short events, int64_t now) {
    if (c->state == FREE || c->state == QUEUED) return;
    if (events != 0) {
        if (c->state == READING) {
            read_some(server, c);
        } else if (c->state == WRITING) {
            write_some(c);
        } else {
            drain(c);
        }
    } else if (now >= c->deadline) {
        if (c->state == READING && c->received > 0) {
            refuse(c, 408);
        } else {
            close_connection(c);
        }
    }
}

/* Runs until a signal comes and every answer is out. Returns 0, -1 for an error. */
static int serve(struct server *server) {
    int is_stopping = 0;
    for (;;) {
        if (was_told_to_stop && !is_stopping) {
            is_stopping = 1;
            begin_to_stop(server);
        }
        struct pollfd ready[CONNECTIONS + 2];
        size_t open = 0;
        int64_t now = now_ms(), next = now + 3600000;
        for (size_t i = 0; i < CONNECTIONS; i++) {
            const struct connection *c = &server->connections[i];
            int is_watched = c->state != FREE && c->state != QUEUED;
            ready[i].fd = is_watched ? c->fd : -1;
            ready[i].events = c->state == WRITING ? POLLOUT : POLLIN;
            ready[i].revents = 0;
            open += c->state != FREE;
            if (is_watched && c->deadline < next) next = c->deadline;
        }
        if (is_stopping && open == 0) return 0;
        ready[CONNECTIONS].fd = server->wake[0];
        ready[CONNECTIONS + 1].fd = is_stopping || open == CONNECTIONS ? -1 : server->listener;
        ready[CONNECTIONS].events = ready[CONNECTIONS + 1].events = POLLIN;
        ready[CONNECTIONS].revents = ready[CONNECTIONS + 1].revents = 0;

        if (poll(ready, CONNECTIONS + 2, next > now ? (int)(next - now) : 0) < 0) {
            if (errno == EINTR) continue;
            perror("serve: poll");
            return -1;
        }
        now = now_ms();
        for (size_t i = 0; i < CONNECTIONS; i++) step(server, &server->connections[i], ready[i].revents, now);
        if (ready[CONNECTIONS].revents != 0) take_done(server);
        if (ready[CONNECTIONS + 1].revents != 0) accept_one(server);
    }
}

/* ---- Setting up ----------------------------------------------------------------------------------------------------- */

/* A socket that listens, printed as "listening on ADDRESS:PORT"; -1 on failure. */
static int listen_at(const char *address, const char *port) {
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
    int problem = getaddrinfo(address, port, &hints, &found);
    if (problem != 0) {
        fprintf(stderr, "serve: %s: %s\n", address, gai_strerror(problem));
        return -1;
    }
    int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM, 0);
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    char host[256], service[32];
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
        || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, CONNECTIONS) != 0
        || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || getsockname(fd, (struct sockaddr *)&own, &size) != 0
        || getnameinfo(
               (struct sockaddr *)&own, size, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV)
            != 0) {
        fprintf(stderr, "serve: %s port %s: %s\n", address, port, strerror(errno));
        if (fd >= 0) close(fd);
        fd = -1;
    } else {
        printf("listening on %s:%s\n", host, service);
        fflush(stdout);
    }
    freeaddrinfo(found);
    return fd;
}

/* Signals go to the thread of the sockets: workers are started with them blocked. Whoever started the process may have
 * blocked them as well. */
static int start(struct worker *workers, size_t count, size_t *started) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int problem = 0;
    for (*started = 0; *started < count && problem == 0; *started += problem == 0)
        problem = pthread_create(&workers[*started].thread, NULL, work, &workers[*started]);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    if (problem != 0) fprintf(stderr, "serve: cannot start a thread: %s\n", strerror(problem));
    return problem;
}

static int catch_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0;
}

/* Serves with the workers until a signal comes. Returns the exit code. */
static int run(struct server *server, struct worker *workers, size_t count, const char *address, const char *port) {
    size_t started = 0;
    int code = 1;
    if (pipe(server->wake) != 0) {
        perror("serve: pipe");
        return 1;
    }
    fcntl(server->wake[0], F_SETFL, O_NONBLOCK);
    fcntl(server->wake[1], F_SETFL, O_NONBLOCK);
    signal_wake = server->wake[1];
    if (catch_signals() == 0 && start(workers, count, &started) == 0
        && (server->listener = listen_at(address, port)) >= 0) {
        code = serve(server) == 0 ? 0 : 1;
        close(server->listener);
    }
    begin_to_stop(server);
    for (size_t i = 0; i < started; i++) pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].state != FREE) close_connection(&server->connections[i]);
    close(server->wake[0]);
    close(server->wake[1]);
    return code;
}

/* Whether the model answers about single images; says why not. */
static int takes_images(const lt_model *model) {
    lt_model_info info;
    INITIALISE(info);
    if (failed(lt_model_get_info(model, &info), "model")) return 0;
    const char *why = NULL;
    if (info.clip_frames > 0) why = "it takes clips of frames";
    if (!info.takes_images) why = info.images_reason;
    if (why != NULL) fprintf(stderr, "serve: the model does not take single images: %s\n", why);
    return why == NULL;
}

static int number(const char *text, long least, long most, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= least && *value <= most;
}

static int usage(void) {
    fputs(
        "usage: serve [-a ADDRESS] [-p PORT] [-n WORKERS] [-q QUEUE] [-t THREADS] [-w MILLISECONDS] [-s BYTES] [-k BEST]\n"
        "             [-m KEY=VALUE]... MODEL\n",
        stderr);
    return 64;
}

int main(int argc, char **argv) {
    static struct server server;
    const char *address = "127.0.0.1", *port = "8080";
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long workers_wanted = processors > 0 ? processors : 1, queue = 64, threads = 1, timeout_ms = 10000, best = 5;
    long largest = 16 << 20, ignored;
    lt_metadata *metadata = (lt_metadata *)calloc((size_t)argc, sizeof *metadata);
    if (metadata == NULL) return 1;
    size_t metadata_count = 0;
    int good = 1;
    for (int option; good && (option = getopt(argc, argv, "a:p:n:q:t:w:s:k:m:")) != -1;) {
        char *equals;
        switch (option) {
        case 'a': address = optarg; break;
        case 'p': good = number(port = optarg, 0, 65535, &ignored); break;
        case 'n': good = number(optarg, 1, CONNECTIONS, &workers_wanted); break;
        case 'q': good = number(optarg, 1, CONNECTIONS, &queue); break;
        case 't': good = number(optarg, 0, 1024, &threads); break;
        case 'w': good = number(optarg, 0, 86400000, &timeout_ms); break;
        case 's': good = number(optarg, 1, 1 << 30, &largest); break;
        case 'k': good = number(optarg, 0, 1 << 20, &best); break;
        case 'm':
            good = (equals = strchr(optarg, '=')) != NULL;
            if (!good) break;
            *equals = '\0';
            metadata[metadata_count].key = optarg;
            metadata[metadata_count++].value = equals + 1;
            break;
        default: good = 0;
        }
    }
    if (!good || argc - optind != 1) {
        free(metadata);
        return usage();
    }
    server.timeout_ms = timeout_ms;
    server.largest_body = (size_t)largest;
    server.best = (size_t)best;
    server.queue_limit = (size_t)queue;
    pthread_mutex_init(&server.lock, NULL);
    pthread_cond_init(&server.work, NULL);

    lt_model_options options;
    INITIALISE(options);
    options.threads = (int32_t)threads;
    options.metadata = metadata;
    options.metadata_count = metadata_count;
    size_t count = (size_t)workers_wanted;
    struct worker *workers = (struct worker *)calloc(count, sizeof *workers);
    int code = 1;
    if (workers != NULL && !failed(lt_model_load(argv[optind], &options, &server.model), argv[optind])
        && takes_images(server.model) && !failed(lt_cancellation_create(&server.cancellation), "cancellation")) {
        size_t ready = 0;
        for (; ready < count; ready++) {
            workers[ready].server = &server;
            if (failed(lt_session_create(server.model, &workers[ready].session), "session")) break;
        }
        if (ready == count) code = run(&server, workers, count, address, port);
    }
    for (size_t i = 0; workers != NULL && i < count; i++) lt_session_release(workers[i].session);
    lt_cancellation_release(server.cancellation);
    lt_model_release(server.model);
    pthread_cond_destroy(&server.work);
    pthread_mutex_destroy(&server.lock);
    free(workers);
    free(metadata);
    return code;
}
