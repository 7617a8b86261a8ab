// The list of walk-forwards.
import { TrialsList } from "../trials/list.tsx";

export default function WalkForwardsPage() {
  return <TrialsList kind="walk-forwards" />;
}
