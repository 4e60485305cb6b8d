using OrleansTempo.Azure.Tests;

namespace OrleansTempo.Core.Tests.Objects;

/// <summary>
/// What <c>[Fact]</c> means in the contract of all object stores when it is compiled here: being in the contract's own namespace,
/// this one comes before xunit's, and skips with the reason where there is no Azurite.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FactAttribute : Xunit.FactAttribute
{
    public FactAttribute() => Skip = AzuriteProcess.Missing;
}
