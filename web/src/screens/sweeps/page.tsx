// The list of sweeps.
import { TrialsList } from "../trials/list.tsx";

export default function SweepsPage() {
  return <TrialsList kind="sweeps" />;
}
