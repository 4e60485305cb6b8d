using System.Reflection;

namespace OrleansTempo.Cluster.Harness;

/// <summary>An object whose calls are all answered by one function of their arguments.</summary>
public class Substitute : DispatchProxy
{
    private Func<object?[], object?> _answer = static _ => null;

    public static T Of<T>(Func<object?[], object?> answer)
        where T : class
    {
        var substitute = Create<T, Substitute>();
        ((Substitute)(object)substitute)._answer = answer;
        return substitute;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(args ?? []);
}
