// What stands around the canvas of a map: tools, legend, and the card of the image under the pointer.

/** Build the parts; what they do is said by `listen`. */
function build(root, data) {
  const { words } = data;
  root.replaceChildren();
  const bar = make("div", "bar");
  const tools = make("div", "tools");
  tools.setAttribute("role", "radiogroup");
  tools.setAttribute("aria-label", words.tools);
  const move = toolButton(words.move);
  const lasso = toolButton(words.lasso);
  tools.append(move, lasso);
  const steps = make("div", "steps");
  const [nearer, farther, all] = [stepButton("+", words.nearer), stepButton("−", words.farther), stepButton("", words.all)];
  all.classList.add("all");
  steps.append(nearer, farther, all);
  const inView = make("button", "view", words.view);
  inView.type = "button";
  const colours = choice(words.colours, data.colour_kinds);
  colours.label.hidden = Object.keys(data.colour_kinds).length < 2;
  const draw = choice(words.draw, data.draw_kinds);
  const layout = choice(words.layout, {});
  bar.append(tools, inView, layout.label, colours.label, draw.label);

  const stage = make("div", "stage");
  const canvas = make("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", words.map);
  const card = make("div", "card");
  card.hidden = true;
  card.setAttribute("aria-hidden", "true");
  const pinned = pinnedCard(words);
  stage.append(canvas, steps, pinned.element, card);

  const below = make("div", "below");
  const key = make("div", "legend");
  const said = make("p", "said");
  said.setAttribute("role", "status");
  below.append(key, said);
  root.append(bar, stage, below, make("p", "help", words.help));

  /** The layouts that there are by now, where there are several. */
  const offer = ({ layouts, layout: shown }) => {
    layout.select.replaceChildren(...options(layouts));
    layout.select.value = shown;
    layout.label.hidden = Object.keys(layouts).length < 2;
  };
  offer(data);

  const sync = (state) => {
    move.setAttribute("aria-checked", String(!state.lasso));
    lasso.setAttribute("aria-checked", String(state.lasso));
    [move.tabIndex, lasso.tabIndex] = state.lasso ? [-1, 0] : [0, -1];
    colours.select.value = state.colours;
    draw.select.value = state.draw;
  };

  function listen(state, act) {
    const choose = (isLasso, focus) => {
      act.lasso(isLasso);
      sync(state);
      if (focus) (isLasso ? lasso : move).focus();
    };
    move.addEventListener("click", () => choose(false));
    lasso.addEventListener("click", () => choose(true));
    tools.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) return;
      event.preventDefault();
      choose(!state.lasso, true);
    });
    nearer.addEventListener("click", () => act.zoom(true));
    farther.addEventListener("click", () => act.zoom(false));
    all.addEventListener("click", act.fit);
    inView.addEventListener("click", act.view);
    colours.select.addEventListener("change", () => act.colours(colours.select.value));
    draw.select.addEventListener("change", () => act.draw(draw.select.value));
    layout.select.addEventListener("change", () => act.layout(layout.select.value));
    pinned.near.addEventListener("click", () => act.open("neighbours"));
    pinned.inspect.addEventListener("click", () => act.open("inspect"));
    pinned.leave.addEventListener("click", act.leave);
    sync(state);
  }

  return { stage, canvas, card, pinned, key, said, listen, offer, sync };
}

/** The selected image, and where one can go from it. */
function pinnedCard(words) {
  const element = make("div", "pinned");
  element.hidden = true;
  const picture = make("canvas");
  picture.width = picture.height = 192;
  const text = make("div", "text");
  const near = make("button", "", words.neighbours);
  const inspect = make("button", "", words.inspect);
  const leave = make("button", "leave", "×");
  leave.title = words.leave;
  leave.setAttribute("aria-label", words.leave);
  for (const button of [near, inspect, leave]) button.type = "button";
  const buttons = make("div", "buttons");
  buttons.append(near, inspect);
  element.append(picture, text, buttons, leave);
  return { element, picture, text, near, inspect, leave };
}

function toolButton(text) {
  const button = make("button", "", text);
  button.type = "button";
  button.setAttribute("role", "radio");
  return button;
}

function stepButton(text, name) {
  const button = make("button", "", text);
  button.type = "button";
  button.title = name;
  button.setAttribute("aria-label", name);
  return button;
}

const options = (kinds) => Object.entries(kinds).map(([value, text]) => new Option(text, value));

function choice(name, kinds) {
  const label = make("label", "choice");
  const select = make("select");
  select.append(...options(kinds));
  label.append(make("span", "", name), select);
  return { label, select };
}

const MOST_LISTED = 12;

/** Say what the colours mean; a class can be brought out by a click. Classes that no image of the map has are left out. */
function legend(parts, data, state, colours, counts, toggle) {
  const { words } = data;
  const key = parts.key;
  const focused = key.getRootNode().activeElement?.dataset?.place;
  if (state.colours === "confidence") {
    const scale = make("span", "scale");
    scale.style.background = `linear-gradient(to right, ${SHARE_COLOURS.join(", ")})`;
    key.replaceChildren(make("span", "", "0\u00a0%"), scale, make("span", "", "100\u00a0%"));
    return;
  }
  const names = state.colours === "right" ? [words.right, words.wrong, words.unknown] : [...data.classes, words.unknown];
  const present = new Set(colours.of);
  const isSaid = (i) => present.has(i) || (state.colours === "right" && i < names.length - 1);
  const places = present.size === 1 && present.has(names.length - 1) ? [] : names.map((_, i) => i).filter(isSaid);
  const shown = places.slice(0, MOST_LISTED);
  key.replaceChildren(
    ...shown.map((i) => {
      const button = make("button", "entry");
      button.type = "button";
      button.dataset.place = i;
      button.setAttribute("aria-pressed", String(state.only === i));
      const dot = make("i");
      dot.style.background = colours.table[i];
      button.append(dot, make("span", "", names[i]), make("b", "", counts[i].toLocaleString("en")));
      button.addEventListener("click", () => toggle(i));
      return button;
    }),
  );
  if (places.length > shown.length) key.append(make("span", "", `… (${places.length})`));
  if (focused !== undefined) key.querySelector(`[data-place="${focused}"]`)?.focus();
}

/** What is known of an image, in a few words each. */
function describe(data, images, i) {
  const { words } = data;
  const [label, answer] = [images.labels[i], images.answers[i]];
  const found = [words.image.replace("{number}", images.numbers[i])];
  if (label >= 0) found.push(data.classes[label]);
  if (answer >= 0) {
    const share = Math.round((images.confidence[i] / 255) * 100);
    found.push(words.answer.replace("{answer}", data.classes[answer]).replace("{share}", share));
  }
  return found;
}

function drawLarge(picture, data, sheets, i) {
  const context = picture.getContext("2d");
  context.clearRect(0, 0, 192, 192);
  context.imageSmoothingEnabled = data.side > 48;
  picture.hidden = !sheets.draw(context, i, 0, 0, 192);
}

/** What is known of an image as elements: what it is in bold, then its number. */
function saidOf(data, images, i) {
  const [number, ...rest] = describe(data, images, i);
  return [...rest.map((line) => make("b", "", line)), make("span", "", number)];
}

function isWrong(images, i) {
  return images.labels[i] >= 0 && images.answers[i] >= 0 && images.labels[i] !== images.answers[i];
}

function fillCard(parts, data, images, sheets, i) {
  const picture = make("canvas");
  picture.width = picture.height = 192;
  drawLarge(picture, data, sheets, i);
  const text = make("div", isWrong(images, i) ? "text wrong" : "text");
  text.append(...saidOf(data, images, i));
  parts.card.replaceChildren(picture, text);
}

function fillPinned(parts, data, images, sheets, i) {
  const { element, picture, text, inspect } = parts.pinned;
  element.hidden = i < 0;
  if (i < 0) return;
  drawLarge(picture, data, sheets, i);
  text.className = isWrong(images, i) ? "text wrong" : "text";
  text.replaceChildren(...saidOf(data, images, i));
  inspect.hidden = !data.linked;
}

/** Beside the pointer, inside of the window. */
function placeCard(card, [x, y], width, height) {
  const [wide, high] = [card.offsetWidth || 150, card.offsetHeight || 160];
  const left = x + 18 + wide > width ? x - 18 - wide : x + 18;
  card.style.left = `${Math.max(4, left)}px`;
  card.style.top = `${Math.min(Math.max(4, y - high / 2), Math.max(4, height - high - 4))}px`;
}
