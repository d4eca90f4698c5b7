import { useState } from "react";
import { RemoteModel } from "./RemoteModel.tsx";

const MODELS = [
  { label: "Small engine", address: "builtin://Engine?triangles=50000" },
  { label: "Large engine", address: "builtin://Engine?triangles=200000" },
];

export function App() {
  const [address, setAddress] = useState(MODELS[0].address);
  const [part, setPart] = useState<string | null>(null);
  return (
    <main style={{ maxWidth: "60rem", margin: "1rem auto", padding: "0 1rem", fontFamily: "system-ui, sans-serif" }}>
      <h1>Engine shop in React</h1>
      <p>
        {MODELS.map((model) => (
          <button
            key={model.address}
            type="button"
            aria-pressed={model.address === address}
            onClick={() => setAddress(model.address)}
          >
            {model.label}
          </button>
        ))}
      </p>
      <RemoteModel endpoint="https://render.example.com" account="ACCOUNT" address={address} onPart={setPart} />
      <p>{part === null ? "Click a part." : `Selected: ${part}`}</p>
    </main>
  );
}
