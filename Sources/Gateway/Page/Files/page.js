// Shows the newest scores.
const state = document.getElementById("state");
const bars = document.getElementById("bars");
const live = new EventSource("/api/live");

live.addEventListener("daemon", (message) => {
  const daemon = JSON.parse(message.data);
  state.textContent = daemon.connected ? `${daemon.daemon}: listening` : `${daemon.daemon}: ${daemon.reason}`;
});

live.addEventListener("prediction", (message) => {
  const prediction = JSON.parse(message.data);
  bars.replaceChildren(...prediction.labels.map((entry) => {
    const item = document.createElement("li");
    item.textContent = `${entry.label} ${entry.score.toFixed(3)}`;
    return item;
  }));
});
