// Loaded before a server that would listen on every interface: it listens on 127.0.0.1 alone.
import { Server } from "node:net";

const listen = Server.prototype.listen;

Server.prototype.listen = function (first, ...others) {
  if (typeof first === "object" && first !== null) {
    return listen.call(this, { ...first, host: "127.0.0.1" }, ...others);
  }
  const callback = others.find((one) => typeof one === "function");
  return listen.call(this, { port: Number(first), host: "127.0.0.1" }, callback);
};
