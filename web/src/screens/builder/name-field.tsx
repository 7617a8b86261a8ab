// A text field that completes names of factors, prices and functions by Korean and English words (a combobox).
import { useId, useState } from "preact/hooks";
import { t } from "../../i18n/index.ts";
import type { Choice } from "./completion.ts";
import { matching } from "./completion.ts";

const SHOWN = 40;

interface Props {
  label: string;
  value: string;
  onValue: (value: string) => void;
  choices: readonly Choice[];
}

export function NameField({ label, value, onValue, choices }: Props) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [active, setActive] = useState(0);
  const found = open ? matching(choices.filter((each) => each.kind !== "keyword"), typed).slice(0, SHOWN) : [];
  const choose = (choice: Choice) => {
    onValue(choice.insert);
    setOpen(false);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) {
        setTyped("");
        setOpen(true);
      } else setActive(Math.max(0, Math.min(found.length - 1, active + (event.key === "ArrowDown" ? 1 : -1))));
    } else if (event.key === "Enter" && open && found[active] && !event.isComposing && !event.ctrlKey) {
      event.preventDefault();
      choose(found[active]!);
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      setOpen(false);
    }
  };
  const title = choices.find((each) => each.insert === value)?.detail;
  return (
    <span class="name-field">
      <input
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={open && found[active] ? `${id}-${active}` : undefined}
        title={title}
        placeholder={t("builder.choose")}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => {
          onValue(event.currentTarget.value);
          setTyped(event.currentTarget.value);
          setActive(0);
          setOpen(true);
        }}
        onClick={() => {
          setTyped("");
          setOpen(true);
        }}
        onBlur={() => setOpen(false)}
        onKeyDown={keys}
      />
      {title && <span class="name-title small muted">{title}</span>}
      <ul id={`${id}-list`} role="listbox" aria-label={label} hidden={!open || found.length === 0}>
        {found.map((choice, at) => (
          <li
            key={choice.label}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === active}
            onPointerDown={(event) => {
              event.preventDefault(); // the field keeps the focus
              choose(choice);
            }}
          >
            <b>{choice.label}</b> <span class="muted">{choice.detail}</span>
          </li>
        ))}
      </ul>
    </span>
  );
}
