namespace OrleansTempo.Harness.Machines;

/// <summary>A test that calls from another machine; skipped, with the reason, where there can be none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OtherMachineFactAttribute : FactAttribute
{
    public OtherMachineFactAttribute() => Skip = OtherMachine.Missing;
}
