/* What there is to show; see the header. */
#include "ops/board.h"

#include "amqp/hub.h"
#include "redis/hub.h"

void board_connection_status(const struct board_connection *connection,
                             struct connection_status *out_status)
{
    if (connection->redis != NULL) {
        redis_hub_status(connection->redis, out_status);
    } else {
        rmq_hub_status(connection->rmq, out_status);
    }
}
