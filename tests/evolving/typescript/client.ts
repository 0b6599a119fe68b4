// An old client: all that it knows of Ordertrail was generated from the last release.
//
//   node client.js HOST:PORT read|follow|command
//
// What it met it says in lines of JSON, as old_client.py does.
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import {
  type CommandSchema,
  type ExecuteCommandsRequest,
  ExecuteCommandsRequestSchema,
  type PlaceOrderRequestSchema,
} from "./generated/ordertrail/v1/commands_pb.js";
import { type HistoryEvent, HistoryEventSchema } from "./generated/ordertrail/v1/history_event_pb.js";
import { OrderCommandService } from "./generated/ordertrail/v1/order_command_service_pb.js";
import { OrderHistoryService } from "./generated/ordertrail/v1/order_history_service_pb.js";
import type { OrderedLineSchema } from "./generated/ordertrail/v1/order_events_pb.js";
import type { Receipt } from "./generated/ordertrail/v1/receipt_pb.js";

const [address, task] = process.argv.slice(2);
const transport = createGrpcTransport({ baseUrl: `http://${address}` });
const commands = createClient(OrderCommandService, transport);
const history = createClient(OrderHistoryService, transport);

function say(what: string, things: unknown[]): void {
  console.log(JSON.stringify({ [what]: things }));
}

function inShort(event: HistoryEvent): unknown[] {
  const kind = event.event.case === undefined ? "" : HistoryEventSchema.field[event.event.case]?.name;
  const customer = event.event.case === "orderPlaced" ? event.event.value.customerId : "";
  const carried = toBinary(HistoryEventSchema, event);
  return [event.orderId, Number(event.orderVersion), kind, customer, hex(event.digest), hex(carried)];
}

function receipt(receipt: Receipt | undefined): unknown[] {
  return [receipt?.orderId, Number(receipt?.orderVersion), hex(receipt?.digest ?? new Uint8Array())];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

async function read(): Promise<void> {
  const listed: HistoryEvent[] = [];
  let pageToken = "";
  do {
    const subject = { case: "customerId" as const, value: "shop-1" };
    const page = await history.listOrderEvents({ subject, pageSize: 2, pageToken });
    listed.push(...page.events);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  say("listed", listed.map(inShort));
  const streamed: HistoryEvent[] = [];
  for await (const frame of history.streamOrderEvents({})) {
    streamed.push(...frame.events);
  }
  say("streamed", streamed.map(inShort));
}

// Follows until an order is cancelled.
async function follow(): Promise<void> {
  const end = new AbortController();
  const asked = { start: { case: "now" as const, value: true }, follow: true };
  for await (const frame of history.streamOrderEvents(asked, { signal: end.signal })) {
    if (frame.standing.case === "caughtUp") {
      say("following", []);
    }
    for (const event of frame.events) {
      say("event", inShort(event));
      if (event.event.case === "orderCancelled") {
        end.abort();
        return;
      }
    }
  }
}

function line(productId: string): MessageInitShape<typeof OrderedLineSchema> {
  return { productId, quantity: 2n, unitPrice: { currencyCode: "EUR", units: 5n } };
}

function anOrder(orderId: string): MessageInitShape<typeof PlaceOrderRequestSchema> {
  const expectedDeliveryDate = { year: 2031, month: 3, day: 15 };
  return { orderId, customerId: "shop-2", lines: [line("p_1")], expectedDeliveryDate };
}

async function command(): Promise<void> {
  const placed = await commands.placeOrder(anOrder("by-typescript"));
  const added = await commands.addOrderLine({ orderId: "by-typescript", line: line("p_2"), expectedVersion: 1n });
  const cancelled = await commands.cancelOrder({ orderId: "by-typescript", reason: "no longer wanted" });
  say("receipts", [placed, added, cancelled].map((answer) => receipt(answer.receipt)));
  const batch: MessageInitShape<typeof CommandSchema>[] = [
    { verb: { case: "placeOrder", value: anOrder("by-typescript-in-a-batch") } },
    { verb: { case: "confirmOrder", value: { orderId: "by-typescript-in-a-batch" } } },
  ];
  async function* batches(): AsyncGenerator<ExecuteCommandsRequest> {
    yield create(ExecuteCommandsRequestSchema, { commands: batch });
  }
  for await (const answer of commands.executeCommands(batches())) {
    const results = answer.results.map(({ result }) => result);
    say("results", results.map((result) => (result.case === "receipt" ? receipt(result.value) : result.case)));
  }
}

await { read, follow, command }[task as "read" | "follow" | "command"]();
