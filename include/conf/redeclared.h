/* Exchanges and queues that are declared twice. For conf/ alone. */
#ifndef CHUNNELD_CONF_REDECLARED_H
#define CHUNNELD_CONF_REDECLARED_H

#include "conf/loader.h"

/* Says which exchanges and queues are declared twice on one server, and not alike: RabbitMQ would
 * close the channel over the second one (406) each time. Those that are passive declare nothing. */
void conf_redeclared_check(struct conf_loader *loader);

#endif
