"""A wallet in the browser's page, as extensions inject them (EIP-1193, EIP-6963); the key stays in Python."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from eth_account.messages import encode_defunct, encode_typed_data

from ledger.formats.digest import checksum_address

INJECTED = """
const provider = {
  request: async ({ method, params }) => {
    const answer = JSON.parse(await window.wallet_bridge(method, JSON.stringify(params ?? [])));
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.result;
  },
  on: () => {},
};
if (NAMES.length) {
  const announce = () => {
    for (const name of NAMES) {
      const info = { uuid: `6d7b8c1a-${name}`, name, icon: "data:,", rdns: "example.wallet" };
      const detail = Object.freeze({ info, provider });
      window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    }
  };
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
} else window.ethereum = provider;
"""
DECLINED = {"code": 4001, "message": "User rejected the request."}


class Wallet:
    """Signs with the key of `signer` what the page requests, and remembers it. `refuse` makes its owner decline.

    `chain` is the one it is on; it changes where it is asked to, unless `stubborn`. What it is asked of the chain
    itself it asks `node`, if it has one.
    """

    def __init__(self, signer: Any, chain: int = 31337, node: Callable[..., Any] | None = None) -> None:
        self.signer, self.chain, self.node = signer, chain, node
        self.refuse = self.stubborn = False
        self.asked: list[tuple[str, Any]] = []

    def inject(self, context: Any, names: Sequence[str] = ("Test wallet",)) -> None:
        """Put it into every page of a browser's context, announced under these names; without any, as ethereum."""
        context.expose_function("wallet_bridge", self._answer)
        context.add_init_script(f"const NAMES = {json.dumps(names)};{INJECTED}")

    def _answer(self, method: str, params: str) -> str:
        self.asked.append((method, json.loads(params)))
        if self.refuse and method != "eth_requestAccounts":
            return json.dumps({"error": DECLINED})
        answers: dict[str, Callable[..., Any]] = {
            "eth_requestAccounts": lambda: [self.signer.address.lower()],
            "eth_chainId": lambda: hex(self.chain),
            "wallet_switchEthereumChain": self._change,
            "eth_call": lambda *params: self._read("eth_call", *params),
            "eth_getBlockByNumber": lambda *params: self._read("eth_getBlockByNumber", *params),
            "personal_sign": self._personal,
            "eth_signTypedData_v4": self._typed,
            "eth_sendTransaction": self._send,
        }
        try:
            return json.dumps({"result": answers[method](*json.loads(params))})
        except ValueError as error:
            return json.dumps({"error": {"code": 4902, "message": str(error)}})

    def _change(self, wanted: dict[str, str]) -> None:
        if self.stubborn:
            raise ValueError("Unrecognized chain")
        self.chain = int(wanted["chainId"], 16)

    def _read(self, method: str, *params: Any) -> Any:
        if self.node is None:
            raise ValueError("this wallet reads no chain")
        return self.node(method, *params)

    def _send(self, call: dict[str, str]) -> str:
        """A transaction of the key's own, by way of `node`, with what a wallet adds to it."""
        self._own(call["from"])
        if call["chainId"] != hex(self.chain):
            raise ValueError("chainId should be same as current chainId")
        assert self.node is not None
        number = int(self.node("eth_getTransactionCount", call["from"], "latest"), 16)
        fees = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "gas": 1_000_000, "type": 2}
        made = {"to": checksum_address(bytes.fromhex(call["to"][2:])), "data": call["data"], "value": 0, **fees}
        raw = self.signer.sign_transaction({**made, "nonce": number, "chainId": self.chain})
        return str(self.node("eth_sendRawTransaction", "0x" + raw.hex()))

    def _personal(self, text: str, address: str) -> str:
        self._own(address)
        signable = encode_defunct(hexstr=text)
        return "0x" + bytes(self.signer._account.sign_message(signable).signature).hex()

    def _typed(self, address: str, document: str) -> str:
        self._own(address)
        signable = encode_typed_data(full_message=json.loads(document))
        return "0x" + bytes(self.signer._account.sign_message(signable).signature).hex()

    def _own(self, address: str) -> None:
        if address.lower() != self.signer.address.lower():
            raise ValueError("The requested account has not been authorized.")
