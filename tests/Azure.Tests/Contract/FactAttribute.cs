using OrleansTempo.Azure.Tests;

namespace OrleansTempo.Core.Tests.Objects;

/// <summary>
/// The meaning of <c>[Fact]</c> in the object stores' contract when compiled here: being in the contract's own namespace, this attribute takes
/// precedence over xunit's, and skips with the reason if there is no Azurite.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FactAttribute : Xunit.FactAttribute
{
    public FactAttribute() => Skip = AzuriteProcess.Missing;
}
