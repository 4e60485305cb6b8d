using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Emit;

namespace OrleansTempo.Core.Tests.Cost;

/// <summary>
/// .NET hashes numbers the same way in every process: whoever chooses them can have a table of them be one long list. So no table of the
/// engine's has 64-bit numbers, or tuples of them, as keys without a comparer, which is where <c>Utf8Hash</c> comes in. Texts .NET keys itself.
/// </summary>
public sealed class KeyedTablesTests
{
    private static readonly Type[] s_tables = [typeof(Dictionary<,>), typeof(HashSet<>), typeof(ConcurrentDictionary<,>)];
    private static readonly Type[] s_numbers = [typeof(long), typeof(ulong), typeof(Int128), typeof(UInt128), typeof(double)];

    // Segments of the log, which it numbers itself.
    private static readonly string[] s_exempt = ["ObjectWriteAheadLog"];

    private static readonly Dictionary<short, OpCode> s_opCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(static f => (OpCode)f.GetValue(null)!).ToDictionary(static o => o.Value);

    [Fact]
    public void No_table_has_numbers_that_clients_choose_under_the_hash_of_the_framework()
    {
        var unkeyed = new SortedSet<string>();
        foreach (var type in typeof(Utf8Hash).Assembly.GetTypes())
        {
            foreach (var method in type.GetMembers(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly).OfType<MethodBase>())
            {
                foreach (var constructor in ConstructorsCalledBy(method))
                {
                    if (IsTableOfNumbers(constructor.DeclaringType!) && !HasComparer(constructor) && !s_exempt.Contains(type.Name))
                        unkeyed.Add($"{type.FullName}.{method.Name}: {constructor.DeclaringType}");
                }
            }
        }

        Assert.Empty(unkeyed);
    }

    [Fact]
    public void The_search_would_find_one()
    {
        var constructors = ConstructorsCalledBy(typeof(KeyedTablesTests).GetMethod(nameof(Unkeyed), BindingFlags.NonPublic | BindingFlags.Static)!).ToList();

        Assert.True(IsTableOfNumbers(constructors[0].DeclaringType!) && !HasComparer(constructors[0]));
        Assert.True(IsTableOfNumbers(constructors[1].DeclaringType!) && HasComparer(constructors[1]));
    }

    private static object[] Unkeyed() => [new HashSet<(ulong, int)>(), new Dictionary<ulong, int>(EqualityComparer<ulong>.Default)];

    private static bool IsTableOfNumbers(Type type) =>
        type.IsGenericType && s_tables.Contains(type.GetGenericTypeDefinition()) && HasNumber(type.GetGenericArguments()[0]);

    private static bool HasNumber(Type key) =>
        s_numbers.Contains(key) || (key.IsValueType && key.FullName!.StartsWith("System.ValueTuple`", StringComparison.Ordinal) && key.GetGenericArguments().Any(HasNumber));

    private static bool HasComparer(ConstructorInfo constructor) => constructor.GetParameters().Any(static p => p.ParameterType.Name == "IEqualityComparer`1");

    private static IEnumerable<ConstructorInfo> ConstructorsCalledBy(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } il)
            yield break;
        var ofType = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var i = 0; i < il.Length;)
        {
            var code = il[i] == 0xFE ? s_opCodes[(short)(0xFE00 | il[++i])] : s_opCodes[il[i]];
            i++;
            if (code == OpCodes.Newobj && method.Module.ResolveMethod(BitConverter.ToInt32(il, i), ofType, ofMethod) is ConstructorInfo constructor)
                yield return constructor;
            i += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, i)),
                _ => 4,
            };
        }
    }
}
